import type { Faults } from '../faults'
import type { World } from '../world'
import { Agenda } from './agenda'
import type { Event } from './events'

/** A `fetch` for webhooks, replaceable in tests. */
export type Deliver = (url: string, init: RequestInit) => Promise<Response>

export type Endpoint = { url: string; secret: string }

/** One event on its way to the endpoint; the row is deleted when it has arrived or is given up. */
export type Delivery = { id: string; eventId: string; attempts: number; dueAt: number }

/** How deliveries are shuffled: each waits up to `spreadMs` more, and some are sent twice. */
export type Disorder = { spreadMs: number; duplicateShare: number }

const FIRST_MS = 1_000
const SLOW_MS = 5_000
const REPLY_MAX_MS = 10_000
const AT_ONCE_MAX = 20
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
// Stripe tries for three days with growing pauses; the first ones are shorter here, so that a demo goes on.
const PAUSES_MS = [5_000, 30_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS]
const PAUSE_LAST_MS = 12 * HOUR_MS
const ATTEMPTS_MAX = 11

/** Sends events to the endpoint until it answers 2xx. What is under way survives a restart. */
export class Deliveries {
  private readonly sending = new Map<string, Promise<void>>()
  private readonly waiting = new Agenda()
  private readonly closing = new AbortController()

  constructor(
    private readonly world: World,
    private readonly faults: Faults,
    readonly endpoint: Endpoint,
    private readonly deliver: Deliver,
    private readonly onArrival: (eventId: string) => void,
    private readonly event: (eventId: string) => Event | undefined,
  ) {
    for (const row of this.rows.all()) this.waiting.set(row.id, row.dueAt)
  }

  private get rows() {
    return this.world.table<Delivery>('stripe_deliveries')
  }

  private get settings() {
    return this.world.table<Disorder & { id: string }>('stripe_settings')
  }

  /** Shuffles what is sent from now on; `null` ends it. */
  disorder(disorder: Disorder | null): void {
    if (disorder) this.settings.put({ id: 'disorder', ...disorder })
    else this.settings.delete('disorder')
  }

  enqueue(eventId: string): void {
    const shuffle = this.settings.get('disorder')
    const copies = shuffle && this.world.random() < shuffle.duplicateShare ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const extraMs = shuffle ? this.world.random() * shuffle.spreadMs : 0
      const dueAt = this.world.now() + this.world.lasts(FIRST_MS) + extraMs
      const row = this.rows.put({ id: this.newId(), eventId, attempts: 0, dueAt })
      this.waiting.set(row.id, row.dueAt)
    }
  }

  /** How many have not arrived yet. */
  get pending(): number {
    return this.rows.size
  }

  /** When the next one is to be sent; undefined when nothing waits (or the most allowed are under way). */
  nextDue(): number | undefined {
    return this.sending.size >= AT_ONCE_MAX ? undefined : this.waiting.next()
  }

  /** Starts sending what is due; `onSettled` is called whenever one is through. */
  sendDue(onSettled: () => void): void {
    while (this.sending.size < AT_ONCE_MAX) {
      const row = this.rows.get(this.waiting.take(this.world.now())?.key ?? '')
      if (!row) return
      const sent = this.attempt(row).finally(() => {
        this.sending.delete(row.id)
        // What did not arrive was given another time.
        this.waiting.set(row.id, this.rows.get(row.id)?.dueAt)
        if (!this.closing.signal.aborted) onSettled()
      })
      this.sending.set(row.id, sent)
    }
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.sending.size > 0) await Promise.all(this.sending.values())
  }

  stop(): void {
    this.closing.abort()
  }

  private async attempt(row: Delivery): Promise<void> {
    const event = this.event(row.eventId)
    if (!event) return this.finish(row)
    const fault = this.faults.take('stripe', 'webhook')
    switch (fault?.kind) {
      case 'refuse':
        return this.finish(row)
      case 'slow':
        this.rows.put({ ...row, dueAt: this.world.now() + (fault.delayMs ?? SLOW_MS) })
        return
      case 'timeout':
        return this.postpone(row)
      case 'lose_reply':
        await this.post(event)
        return this.postpone(row)
      case 'duplicate':
        await this.post(event)
        break
      case undefined:
    }
    if (await this.post(event)) this.finish(row)
    else this.postpone(row)
  }

  private async post(event: Event): Promise<boolean> {
    const body = JSON.stringify(event, null, 2)
    try {
      const answer = await this.deliver(this.endpoint.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
          'stripe-signature': sign(body, this.endpoint.secret, this.world.now()),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(REPLY_MAX_MS)]),
      })
      await answer.body?.cancel()
      return answer.ok
    } catch {
      return false
    }
  }

  private finish(row: Delivery): void {
    if (this.closing.signal.aborted) return
    this.rows.delete(row.id)
    this.onArrival(row.eventId)
  }

  private postpone(row: Delivery): void {
    if (this.closing.signal.aborted) return
    const attempts = row.attempts + 1
    if (attempts >= ATTEMPTS_MAX) {
      this.finish(row)
      return
    }
    const pauseMs = PAUSES_MS[row.attempts] ?? PAUSE_LAST_MS
    this.rows.put({ ...row, attempts, dueAt: this.world.now() + this.world.lasts(pauseMs) })
  }

  private newId(): string {
    return `del_${String(this.world.nextNumber('stripe_delivery')).padStart(9, '0')}`
  }
}

/** The `Stripe-Signature` of a body at a moment (https://docs.stripe.com/webhooks#verify-manually). */
export function sign(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000)
  const digest = new Bun.CryptoHasher('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return `t=${seconds},v1=${digest}`
}
