import type { Email } from './email'
import { type SiteNewsProps, siteMail } from './site-news'

/** To the customer, when the change begins: for how many minutes their site is away. */
export function planChangeBegun(planName: string, minutes: number): (site: SiteNewsProps) => Email {
  const time = minutes === 1 ? 'about a minute' : `about ${minutes} minutes`
  return (site) =>
    siteMail(site, {
      subject: `Your site ${new URL(site.siteUrl).host} moves to ${planName}`,
      title: `Your site moves to ${planName}`,
      text: `We are changing your site to the plan ${planName} now. It can’t be visited for ${time}; everything on it stays.`,
    })
}

/** To the customer, when the change is done. */
export function planChanged(planName: string): (site: SiteNewsProps) => Email {
  return (site) =>
    siteMail(site, {
      subject: `Your site ${new URL(site.siteUrl).host} is on ${planName}`,
      title: `Your site is on ${planName}`,
      text: `Your site is on the plan ${planName} and answers again.`,
      isUp: true,
    })
}

/** To the customer, when a change that they were told of was taken back. */
export function planKept(planName: string): (site: SiteNewsProps) => Email {
  return (site) =>
    siteMail(site, {
      subject: `Your site ${new URL(site.siteUrl).host} stays on ${planName}`,
      title: `Your site stays on ${planName}`,
      text: `The change of plan did not come about. Your site is on the plan ${planName} as before, and so is its price.`,
      isUp: true,
    })
}
