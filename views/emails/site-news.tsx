import { composeEmail, type Email } from './email'

export type SiteNewsProps = {
  shopName: string
  /** The shop's colour, `#rgb` or `#rrggbb`. */
  accent: string
  siteUrl: string
  supportEmail: string
}

/** To the customer, when their site was suspended. */
export function suspended(site: SiteNewsProps & { because: 'operator' | 'unpaid' | 'canceled' }): Email {
  const address = new URL(site.siteUrl).host
  const why = {
    operator: `${site.shopName} has suspended your site.`,
    unpaid: 'Your payment did not come through, so your site is suspended. It comes back when it is paid.',
    canceled: 'Your subscription has ended, so your site is suspended.',
  }
  return siteMail(site, {
    subject: `Your site ${address} is suspended`,
    title: 'Your site is suspended',
    text: `${why[site.because]} Nothing is deleted: everything on it stays as it is.`,
  })
}

/** To the customer, when their suspended site answers again. */
export function resumed(site: SiteNewsProps): Email {
  return siteMail(site, {
    subject: `Your site ${new URL(site.siteUrl).host} is back`,
    title: 'Your site is back',
    text: 'Your site runs again, with everything that was on it.',
    isUp: true,
  })
}

type News = { subject: string; title: string; text: string; isUp?: true }

/** Mails about a site all look the same: what happened, the way there when it is up, and whom to ask. */
export function siteMail({ shopName, accent, siteUrl, supportEmail }: SiteNewsProps, news: News): Email {
  const { subject, title, text, isUp } = news
  return composeEmail({
    subject,
    title,
    from: shopName,
    accent,
    blocks: [
      { kind: 'paragraph', text },
      ...(isUp ? [{ kind: 'link' as const, label: 'Open your site', url: siteUrl }] : []),
      { kind: 'note', text: `Questions? Write to ${supportEmail}.` },
    ],
  })
}
