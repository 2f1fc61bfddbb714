import type { Email } from './email'
import { type SiteNewsProps, siteMail } from './site-news'

/** To the customer, when the deletion of their site begins: until when it can be brought back (UTC milliseconds). */
export function deletionBegun(untilMs: number | null): (site: SiteNewsProps) => Email {
  return (site) =>
    siteMail(site, {
      subject: `Your site ${new URL(site.siteUrl).host} is going to be deleted`,
      title: 'Your site is going to be deleted',
      text:
        untilMs === null
          ? 'Your site is being deleted now, with everything on it, and its subscription ends.'
          : `Your site is going to be deleted on ${dayOf(untilMs)}, with everything on it, and its subscription ends. Until then it can be brought back: write to ${site.supportEmail}.`,
    })
}

/** To the customer, when a deletion was taken back. */
export function broughtBack(site: SiteNewsProps): Email {
  return siteMail(site, {
    subject: `Your site ${new URL(site.siteUrl).host} stays`,
    title: 'Your site stays',
    text: 'Your site is not going to be deleted. Everything is as it was before.',
  })
}

/** To the customer, when nothing of their site is left. */
export function deleted(site: SiteNewsProps): Email {
  return siteMail(site, {
    subject: `Your site ${new URL(site.siteUrl).host} was deleted`,
    title: 'Your site was deleted',
    text: 'Your site and its server are gone. Thank you for having been here.',
  })
}

function dayOf(ms: number): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
    .format(ms)
    .concat(' UTC')
}
