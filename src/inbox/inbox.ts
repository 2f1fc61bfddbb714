import { asc, sql } from 'drizzle-orm'
import type { Tx } from '../db/open'
import { inserting, prepared, updating } from '../db/prepared'
import { counters, inbox } from '../db/schema'
import { asAtlasError } from '../errors'
import type { WebhookEvent } from '../providers/payments'
import { followPush } from '../rollouts/follow-push'
import { backOffMs } from '../runs/back-off'
import type { Lane } from '../runs/worker'
import type { Services } from '../services'
import { lookFor } from './events'

type EventRow = typeof inbox.$inferSelect

export const STRIPE = 'stripe'
/** The counter of Stripe's webhooks that did not verify. */
export const REFUSED = 'stripe_webhooks_refused'
const ATTEMPTS_MAX = 20
const EVENTS_AT_ONCE_MAX = 4

const insertEvent = inserting(inbox, 'unless there')

/** Stores a verified event once; a repetition changes nothing. Types that Atlas does not know are kept as ignored. */
export function receiveEvent(tx: Tx, event: WebhookEvent, nowMs: number): void {
  insertEvent(tx, {
    source: STRIPE,
    eventId: event.id,
    type: event.type,
    objectId: event.objectId,
    status: lookFor(event.type) ? 'received' : 'ignored',
    availableAt: nowMs,
    occurredAt: event.createdAt,
    receivedAt: nowMs,
  })
}

/** Counts what leaves no other trace, such as webhooks that do not verify. */
export function countUp(tx: Tx, name: string): void {
  tx.insert(counters)
    .values({ name, value: 1 })
    .onConflictDoUpdate({ target: counters.name, set: { value: sql`${counters.value} + 1` } })
    .run()
}

const nextEvents = prepared((db) =>
  db
    .select()
    .from(inbox)
    // A literal, because SQLite uses no partial index for a bound value.
    .where(sql`${inbox.status} = 'received'`)
    .orderBy(asc(inbox.availableAt))
    .limit(sql.placeholder('limit'))
    .prepare(),
)

/** The lane that acts on received events. */
export function inboxLane(services: Services, chance: () => number): Lane<EventRow> {
  const { db, clock } = services
  const waiting = (limit: number, inHand: ReadonlySet<string>) =>
    nextEvents(db.read)
      .all({ limit: limit + inHand.size })
      .filter(({ eventId }) => !inHand.has(eventId))
  return {
    name: 'inbox',
    concurrency: EVENTS_AT_ONCE_MAX,
    nextDueAt: (inHand) => waiting(1, inHand)[0]?.availableAt ?? null,
    take: (limit, inHand) =>
      waiting(limit, inHand)
        .filter(({ availableAt }) => availableAt <= clock.now())
        .slice(0, limit),
    keyOf: (row) => row.eventId,
    work: (row) => act(services, row, chance),
  }
}

async function act(services: Services, row: EventRow, chance: () => number): Promise<void> {
  const { db, clock, log } = services
  try {
    const look = row.source === STRIPE ? lookFor(row.type) : followPush
    const subject = look && row.objectId ? await look(services, row.objectId) : null
    const done = { status: 'processed' as const, processedAt: clock.now(), reason: null, subject }
    db.write((tx) => change(tx, row, done))
  } catch (thrown) {
    const error = asAtlasError(thrown)
    const attempts = row.attempts + 1
    const again = error.code === 'unavailable' && attempts < ATTEMPTS_MAX
    const availableAt = clock.now() + Math.max(backOffMs(attempts, chance()), error.retryAfterMs ?? 0)
    if (!again) log.error('an event could not be acted on', error, { event: row.eventId, type: row.type })
    const status = again ? 'received' : 'failed'
    db.write((tx) => change(tx, row, { status, attempts, availableAt, reason: error.message }))
  }
}

const changeEvent = updating(inbox, 'source', 'eventId', 'status')

/** Nothing when another event has taken its place meanwhile. */
function change(tx: Tx, { source, eventId }: EventRow, fields: Partial<EventRow>): void {
  changeEvent(tx, { source, eventId, status: 'received' }, fields)
}
