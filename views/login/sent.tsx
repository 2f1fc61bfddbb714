import { Mail } from '../components/icons'
import type { Html } from '../jsx-runtime'
import { SignInPage } from '../layout/sign-in-page'

/** After asking for a link: the same words for every address, so that nobody learns which one is known. */
export function LoginSentPage({ validMinutes }: { validMinutes: number }): Html {
  return (
    <SignInPage title="Check your mail">
      <p class="sign-in-sign">
        <Mail />
      </p>
      <h1>Check your mail</h1>
      <p>
        If this address may sign in, a link is on its way. It works once, for {validMinutes} minutes, in this
        browser.
      </p>
      <p class="muted">
        Nothing came? Look in the spam folder, or <a href="/login">ask for another link</a>.
      </p>
    </SignInPage>
  )
}
