import { composeEmail, type Email } from './email'

export type LoginLinkProps = { url: string; minutes: number }

/** To the operator: the link that signs in. */
export function loginLink({ url, minutes }: LoginLinkProps): Email {
  return composeEmail({
    subject: 'Sign in to Atlas',
    title: 'Sign in to Atlas',
    from: 'Atlas',
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
