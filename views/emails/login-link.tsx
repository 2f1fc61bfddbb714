import { composeEmail, type Email } from './email'

/** `accent`: the colour of the dashboard that it opens, `#rgb` or `#rrggbb`. */
export type LoginLinkProps = { url: string; minutes: number; accent: string }

/** To the operator: the link that signs in. */
export function loginLink({ url, minutes, accent }: LoginLinkProps): Email {
  return composeEmail({
    subject: 'Sign in to Atlas',
    title: 'Sign in to Atlas',
    from: 'Atlas',
    accent,
    blocks: [
      {
        kind: 'paragraph',
        text: 'Open the link in the browser where you asked for it, then press the button there.',
      },
      { kind: 'link', label: 'Sign in', url },
      {
        kind: 'note',
        text: `It works once, for ${minutes} minutes. If you did not ask for it, ignore this mail: nothing happens.`,
      },
    ],
  })
}
