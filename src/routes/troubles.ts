import type { Trouble } from '../../views/admin/needs'
import { overdueBackups } from '../backups/overdue'
import { failedCheckouts } from '../checkouts/failed'
import { refusedWithoutOne } from '../inbox/deaf'
import { dismissEvent, failedEvents, retryEvent } from '../inbox/failed'
import { dismissMail, failedMails, retryMail } from '../runs/failed-mails'
import type { Services } from '../services'
import { redirect } from './answer'
import { routes } from './route'

const OVERDUE_MAX = 5

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
    path: '/admin/events/:id/dismissal',
    policy: 'operator',
    handle: ({ services: { db, clock }, params, actor }) => {
      db.write((tx) => dismissEvent(tx, params.id ?? '', actor, clock.now()))
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
  {
    method: 'POST',
    path: '/admin/mails/:id/dismissal',
    policy: 'operator',
    handle: ({ services: { db, clock }, params, actor }) => {
      db.write((tx) => dismissMail(tx, params.id ?? '', actor, clock.now()))
      return redirect('/admin')
    },
  },
)

/** The latest troubles for the overview. */
export function troubles(services: Services, limit: number): Trouble[] {
  const db = services.db.read
  const events = failedEvents(db, limit).map((event) => ({
    title: event.source === 'github' ? `Push of ${event.objectId}` : `Stripe’s event ${event.type}`,
    reason: event.reason ?? 'No reason was recorded.',
    at: event.receivedAt,
    action: `/admin/events/${encodeURIComponent(event.eventId)}`,
  }))
  const mails = failedMails(db, limit).map((mail) => ({
    title: `Mail “${mail.kind}” to ${mail.recipient}`,
    reason: mail.reason ?? 'No reason was recorded.',
    at: mail.createdAt,
    action: `/admin/mails/${mail.id}`,
  }))
  const checkouts = failedCheckouts(db, limit).map((checkout) => ({
    title: `${checkout.email} could not pay for ${checkout.subdomain}`,
    reason: checkout.error ?? 'No reason was recorded.',
    at: checkout.requestedAt,
    action: null,
  }))
  const all = [...deafness(services), ...events, ...mails, ...checkouts, ...withoutBackup(services)]
  return all.sort((a, b) => b.at - a.at).slice(0, limit)
}

/** Nobody else tells an operator that the secret of the webhooks is wrong. */
function deafness({ db, clock, settings }: Services): Trouble[] {
  const refused = refusedWithoutOne(db.read)
  if (refused === 0) return []
  const number = refused === 1 ? 'One did' : `${refused.toLocaleString('en')} did`
  const reason = `${number} not verify, and none ever has. STRIPE_WEBHOOK_SECRET must be the signing secret of the endpoint ${settings.baseUrl}/api/stripe/webhook at Stripe. Until then payments are noticed later.`
  return [{ title: 'Stripe’s webhooks are refused', reason, at: clock.now(), action: null }]
}

/** Some of those whose backups are overdue, and how many more there are. */
function withoutBackup(services: Services): Trouble[] {
  const { rows, total } = overdueBackups(services, OVERDUE_MAX)
  const some = rows.map(({ id, subdomain, since, reason }) => ({
    title: `${subdomain} has no fresh backup`,
    reason,
    at: since,
    action: null,
    href: `/admin/tenants/${id}`,
  }))
  const more = total - rows.length
  if (more === 0) return some
  const title = `${more} more ${more === 1 ? 'tenant has' : 'tenants have'} no fresh backup`
  const reason = 'Their backups are overdue for twice as long as their plans say.'
  return [...some, { title, reason, at: rows[0]?.since ?? 0, action: null }]
}
