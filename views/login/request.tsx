import { describedBy, Field } from '../components/field'
import type { Html } from '../jsx-runtime'
import { SignInPage } from '../layout/sign-in-page'

export type LoginRequestProps = { email?: string; error?: string }

/** Asks for the address to which a sign-in link goes. Posts to `/login`. */
export function LoginRequestPage({ email, error }: LoginRequestProps): Html {
  return (
    <SignInPage title={error ? 'Error: sign in' : 'Sign in'}>
      <h1>Sign in</h1>
      <p class="muted">We send you a link; there is no password.</p>
      <form class="form" method="post" action="/login" novalidate>
        <Field name="email" label="Email" error={error}>
          <input
            id="email"
            name="email"
            type="email"
            value={email}
            required
            maxlength={254}
            autocomplete="email"
            aria-invalid={error !== undefined}
            aria-describedby={describedBy('email', { error })}
          />
        </Field>
        <button class="button button-primary button-large button-wide" type="submit">
          Send the link
        </button>
      </form>
    </SignInPage>
  )
}
