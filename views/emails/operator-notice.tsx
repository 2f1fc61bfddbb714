import { composeEmail, type Email } from './email'

export type OperatorNoticeProps = {
  /** What happened, in a few words: 'ada could not be provisioned'. */
  title: string
  /** Why, and what to do, in a sentence or two. */
  message: string
  actionLabel: string
  actionUrl: string
}

/** To the operator: something needs them. */
export function operatorNotice({ title, message, actionLabel, actionUrl }: OperatorNoticeProps): Email {
  return composeEmail({
    subject: `Atlas: ${title}`,
    title,
    from: 'Atlas',
    blocks: [
      { kind: 'paragraph', text: message },
      { kind: 'link', label: actionLabel, url: actionUrl },
    ],
  })
}
