import type { Html } from '../jsx-runtime'
import { type Brand, ShopPage } from '../layout/shop-page'

export type ErrorProps = {
  brand: Brand
  /** The HTTP status. */
  status: number
  title: string
  /** One sentence that says what to do. */
  sentence: string
  link?: { href: string; label: string }
}

/** What a person sees instead of a page: what happened and the way on. */
export function ErrorPage({ brand, status, title, sentence, link }: ErrorProps): Html {
  const way = link ?? { href: '/', label: 'Go to the front page' }
  return (
    <ShopPage brand={brand} title={title}>
      <div class="shop-width narrow section">
        <p class="error-status">{status}</p>
        <h1>{title}</h1>
        <p class="lead">{sentence}</p>
        <p>
          <a class="button button-primary" href={way.href}>
            {way.label}
          </a>
        </p>
      </div>
    </ShopPage>
  )
}
