import type { Html } from '../jsx-runtime'
import { SignInPage } from '../layout/sign-in-page'

export type LoginConfirmProps = {
  token: string
  /** What the browser that asked would know, for a link that was made without one; else empty. */
  browser: string
  /** Where the button posts the token to. */
  action: string
}

/** Opened by the link: only pressing the button uses it up, so that a mail scanner cannot. */
export function LoginConfirmPage({ token, browser, action }: LoginConfirmProps): Html {
  return (
    <SignInPage title="Sign in">
      <h1>Welcome back</h1>
      <p class="muted">Press the button to finish signing in to Atlas.</p>
      <form class="form" method="post" action={action}>
        <input type="hidden" name="token" value={token} />
        {browser && <input type="hidden" name="browser" value={browser} />}
        <button class="button button-primary button-large button-wide" type="submit">
          Sign in
        </button>
      </form>
    </SignInPage>
  )
}

/** When the link cannot be used: too old, used before, or opened in another browser. */
export function LoginRefusedPage({ sentence }: { sentence: string }): Html {
  return (
    <SignInPage title="Link not usable">
      <h1>This link cannot be used</h1>
      <p>{sentence}</p>
      <p>
        <a class="button button-primary button-wide" href="/login">
          Ask for a new link
        </a>
      </p>
    </SignInPage>
  )
}
