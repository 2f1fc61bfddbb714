import type { Trouble } from '../../views/admin/overview'
import { failedCheckouts } from '../billing/failed-checkouts'
import { failedEvents, retryEvent } from '../billing/failed-events'
import type { Reader } from '../db/open'
import { failedMails, retryMail } from '../runs/failed-mails'
import { redirect } from './answer'
import { routes } from './route'

/** What came in or should go out and could not be dealt with: the operator may try it again. */
export const troubleRoutes = routes(
  {
    method: 'POST',
    path: '/admin/events/:id/retry',
    policy: 'operator',
    handle: ({ services: { db, clock }, params, actor }) => {
      db.write((tx) => retryEvent(tx, params.id ?? '', actor, clock.now()))
      return redirect('/admin')
    },
  },
  {
    method: 'POST',
    path: '/admin/mails/:id/retry',
    policy: 'operator',
    handle: ({ services: { db, clock }, params, actor }) => {
      db.write((tx) => retryMail(tx, params.id ?? '', actor, clock.now()))
      return redirect('/admin')
    },
  },
)

/** The latest troubles for the overview. */
export function troubles(db: Reader, limit: number): Trouble[] {
  const events = failedEvents(db, limit).map((event) => ({
    title: event.source === 'github' ? `Push of ${event.objectId}` : `Stripe’s event ${event.type}`,
    reason: event.reason ?? 'No reason was recorded.',
    at: event.receivedAt,
    retryAction: `/admin/events/${encodeURIComponent(event.eventId)}/retry`,
  }))
  const mails = failedMails(db, limit).map((mail) => ({
    title: `Mail “${mail.kind}” to ${mail.recipient}`,
    reason: mail.reason ?? 'No reason was recorded.',
    at: mail.createdAt,
    retryAction: `/admin/mails/${mail.id}/retry`,
  }))
  const checkouts = failedCheckouts(db, limit).map((checkout) => ({
    title: `${checkout.email} could not pay for ${checkout.subdomain}`,
    reason: checkout.error ?? 'No reason was recorded.',
    at: checkout.requestedAt,
    retryAction: null,
  }))
  return [...events, ...mails, ...checkouts].sort((a, b) => b.at - a.at).slice(0, limit)
}
