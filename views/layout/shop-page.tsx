import { initial } from '../favicon'
import type { Child, Html } from '../jsx-runtime'
import { Document } from './document'

/** How the shop calls itself; from the blueprint. */
export type Brand = { name: string; tagline: string; supportEmail?: string | null }

/** Every page that a visitor or a customer sees, under the blueprint's name. */
export function ShopPage(props: {
  brand: Brand
  title: string
  description?: string
  indexed?: boolean
  children: Child
}): Html {
  const { brand } = props
  return (
    <Document
      title={
        props.title === brand.name ? `${brand.name} · ${brand.tagline}` : `${props.title} · ${brand.name}`
      }
      description={props.description}
      bodyClass="shop"
      icon="/assets/favicon.svg"
      indexed={props.indexed ?? false}
    >
      <header class="shop-header">
        <div class="shop-width shop-header-row">
          <a class="wordmark" href="/">
            <span class="wordmark-sign" aria-hidden="true">
              {initial(brand.name)}
            </span>
            {brand.name}
          </a>
          <nav class="shop-nav" aria-label="Main">
            <a class="from-m" href="/#how">
              How it works
            </a>
            <a href="/#plans">Plans</a>
          </nav>
        </div>
      </header>
      <main id="main" tabindex={-1}>
        {props.children}
      </main>
      <footer class="shop-footer">
        <div class="shop-width shop-footer-row">
          <p>
            <strong>{brand.name}</strong>
            <br />
            <span class="muted">{brand.tagline}</span>
          </p>
          {brand.supportEmail && (
            <p>
              <a href={`mailto:${brand.supportEmail}`}>{brand.supportEmail}</a>
            </p>
          )}
        </div>
      </footer>
    </Document>
  )
}
