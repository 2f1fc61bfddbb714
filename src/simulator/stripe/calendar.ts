import { Agenda } from './agenda'
import { endOf, hasEnded, type Subscription } from './billing'
import { expireSession } from './checkout'
import { collect } from './collection'
import type { Invoice } from './invoice'
import { finalize, type Scene } from './invoicing'
import { turnPeriod } from './renewal'
import type { Session } from './session'
import type { Store } from './store'

/** What time alone brings: checkouts that are over, periods that end, invoices that become final or are tried again. */
export class Calendar {
  private readonly agenda = new Agenda()

  constructor(store: Store) {
    store.sessions.watch((one) => this.agenda.set(`sessions ${one.id}`, ms(endOfSession(one))))
    store.subscriptions.watch((one) => this.agenda.set(`subscriptions ${one.id}`, ms(endOfPeriod(one))))
    store.invoices.watch((one) => this.agenda.set(`invoices ${one.id}`, ms(nextStep(one))))
  }

  /** When something is due next, in milliseconds. */
  next(): number | undefined {
    return this.agenda.next()
  }

  /** Lets happen what is due at a moment, each as of its own time; `sceneAt` gives the account at a time. */
  bringAbout(nowMs: number, sceneAt: (atMs: number) => Scene): void {
    for (let due = this.agenda.take(nowMs); due; due = this.agenda.take(nowMs)) {
      const [kind, id = ''] = due.key.split(' ')
      const scene = sceneAt(due.at)
      if (kind === 'sessions') endSession(scene, scene.store.sessions.get(id))
      if (kind === 'subscriptions') endPeriod(scene, scene.store.subscriptions.get(id))
      if (kind === 'invoices') advance(scene, scene.store.invoices.get(id))
    }
  }
}

function endOfSession(session: Session): number | null {
  return session.status === 'open' ? session.expires_at : null
}

function endSession({ store, events, origin }: Scene, session: Session | undefined): void {
  if (session) expireSession(store, events, session, origin)
}

function endOfPeriod(subscription: Subscription): number | null {
  return hasEnded(subscription) ? null : endOf(subscription)
}

function endPeriod(scene: Scene, subscription: Subscription | undefined): void {
  if (subscription) turnPeriod(scene, subscription)
}

function nextStep(invoice: Invoice): number | null {
  if (!invoice.auto_advance) return null
  if (invoice.status === 'draft') return invoice.automatically_finalizes_at
  return invoice.status === 'open' ? invoice.next_payment_attempt : null
}

function advance(scene: Scene, invoice: Invoice | undefined): void {
  if (invoice?.status === 'draft') collect(scene, finalize(scene, invoice))
  else if (invoice) collect(scene, invoice)
}

function ms(seconds: number | null): number | undefined {
  return seconds === null ? undefined : seconds * 1000
}
