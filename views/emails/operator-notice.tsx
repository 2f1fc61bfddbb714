import { composeEmail, type Email } from './email'

export type OperatorNoticeProps = {
  /** What happened, in a few words: 'ada could not be provisioned'. */
  title: string
  /** Why, and what to do, in a sentence or two. */
  message: string
  actionLabel: string
  actionUrl: string
  /** The colour of the dashboard that it opens, `#rgb` or `#rrggbb`. */
  accent: string
}

/** To the operator: something needs them. */
export function operatorNotice(notice: OperatorNoticeProps): Email {
  const { title, message, actionLabel, actionUrl, accent } = notice
  return composeEmail({
    subject: `Atlas: ${title}`,
    title,
    from: 'Atlas',
    accent,
    blocks: [
      { kind: 'paragraph', text: message },
      { kind: 'link', label: actionLabel, url: actionUrl },
    ],
  })
}
