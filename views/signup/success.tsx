import { Live } from '../components/live'
import type { Html } from '../jsx-runtime'
import { type Brand, ShopPage } from '../layout/shop-page'
import { SignupProgress, type SignupProgressProps } from './progress'

export type SignupSuccessProps = SignupProgressProps & {
  brand: Brand
  /** The stream that carries `SignupProgress` anew after every change. */
  eventsUrl: string
}

/** After the payment: follows the signup until the site is live. */
export function SignupSuccessPage({ brand, eventsUrl, ...progress }: SignupSuccessProps): Html {
  return (
    <ShopPage brand={brand} title={progress.address}>
      <div class="shop-width narrow section">
        <Live eventsUrl={eventsUrl}>
          <SignupProgress {...progress} />
        </Live>
      </div>
    </ShopPage>
  )
}
