import { composeEmail, type Email } from './email'

export type WelcomeProps = {
  shopName: string
  /** The shop's colour, `#rgb` or `#rrggbb`. */
  accent: string
  siteUrl: string
  planName: string
  supportEmail: string
}

/** To the customer, when their site answers. */
export function welcome({ shopName, accent, siteUrl, planName, supportEmail }: WelcomeProps): Email {
  const address = new URL(siteUrl).host
  return composeEmail({
    subject: `Your site ${address} is live`,
    title: 'Your site is live',
    from: shopName,
    accent,
    blocks: [
      { kind: 'paragraph', text: `${shopName} is running on a server of your own and answers at your name.` },
      { kind: 'link', label: 'Open your site', url: siteUrl },
      {
        kind: 'facts',
        facts: [
          { name: 'Address', value: address },
          { name: 'Plan', value: planName },
        ],
      },
      { kind: 'note', text: `Something is not right? Write to ${supportEmail}.` },
    ],
  })
}
