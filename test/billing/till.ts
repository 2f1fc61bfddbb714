import { and, eq } from 'drizzle-orm'
import { openCheckout, syncCheckout } from '../../src/checkouts/checkout'
import { startCheckout } from '../../src/checkouts/start'
import {
  inbox,
  members,
  organizations,
  payments,
  plans,
  runs,
  signups,
  subscriptions,
  tenants,
} from '../../src/db/schema'
import { inboxLane } from '../../src/inbox/inbox'
import { Worker } from '../../src/runs/worker'
import type { Services } from '../../src/services'
import { getSignup, type SignupRow } from '../../src/signups/signup'
import type { Session } from '../../src/simulator/stripe/session'
import { CARD, openAccount, submit, WEBHOOK_SECRET } from '../simulator/stripe-account'
import { BASE_URL, openStage, type Stage } from '../stage'

export const CUSTOMER = { subdomain: 'ada-lovelace', email: 'ada@example.com', plan: 'starter' }
/** Longer than Stripe takes to send an event. */
const DELIVERY_MS = 1_500

type TillOptions = {
  /** Whether an event is lost on its way; asked for each. */
  lose?: () => boolean
}

/** A shop in front of a simulated Stripe: the real client, real webhooks, and the worker that acts on them. */
export class Till {
  readonly account = openAccount({
    webhook: { url: `${BASE_URL}/api/stripe/webhook`, secret: WEBHOOK_SECRET },
    deliver: async (url, { method, headers, body }) =>
      this.options.lose?.()
        ? new Response()
        : this.stage.browser().ask(new URL(url).pathname, {
            method,
            body: String(body),
            headers: headers as Record<string, string>,
          }),
  })
  readonly clock = this.account.clock
  readonly stage: Stage = openStage({ clock: this.clock, services: { payments: this.account.payments } })
  private readonly worker = this.startWorker()

  constructor(private readonly options: TillOptions = {}) {}

  get services(): Services {
    return this.stage.services
  }

  get db() {
    return this.services.db
  }

  /** A signup that waits for its payment, by its id. */
  signup(): string {
    return this.stage.signup(CUSTOMER.subdomain, CUSTOMER.email, CUSTOMER.plan)
  }

  /** Asks as the signup form does, a second later than whatever came before. */
  start(change: Partial<typeof CUSTOMER> = {}) {
    this.clock.advance(1_000)
    return startCheckout(this.services, { ...CUSTOMER, ...change }, { id: 'visitor' })
  }

  open(signupId: string): Promise<string> {
    return openCheckout(this.services, signupId)
  }

  /** The customer pays on Stripe's page; no event has arrived yet. */
  pay(checkoutUrl: string, number = CARD.number): Promise<Response> {
    return submit(checkoutUrl, { ...CARD, number, email: CUSTOMER.email })
  }

  /** Lets time pass: what Stripe has to say arrives and is acted on. */
  async later(ms = DELIVERY_MS): Promise<void> {
    this.clock.advance(ms)
    await this.settle()
  }

  /** Looks at a signup's checkout as the sweep would. */
  async sweep(signupId: string): Promise<void> {
    await syncCheckout(this.services, this.row(signupId).checkoutId ?? '')
  }

  async settle(): Promise<void> {
    await this.account.twin.settled()
    await this.worker.settled()
  }

  row(signupId: string): SignupRow {
    return getSignup(this.db.read, signupId)
  }

  /** Stripe's checkouts of this shop, oldest first. */
  get sessions(): Session[] {
    return this.account.world.table<Session>('stripe_sessions').all()
  }

  get events() {
    return this.db.read.select().from(inbox).where(eq(inbox.type, 'checkout.session.completed')).all()
  }

  /** How many rows of each kind there are. */
  count() {
    const tables = { organizations, members, subscriptions, payments, tenants, runs }
    const counts = Object.entries(tables).map(([name, table]) => [
      name,
      this.db.read.select().from(table).all().length,
    ])
    return Object.fromEntries(counts) as Record<keyof typeof tables, number>
  }

  /** Makes the plan one that needs no operator. */
  approveByItself(): void {
    const starter = and(eq(plans.blueprint, 'virtues'), eq(plans.key, CUSTOMER.plan))
    this.db.write((tx) => tx.update(plans).set({ approval: 'automatic' }).where(starter).run())
  }

  /** Oldest first. */
  get signups(): SignupRow[] {
    return this.db.read.select().from(signups).orderBy(signups.createdAt, signups.id).all()
  }

  statuses(): string[] {
    return this.signups.map(({ status }) => status)
  }

  async close(): Promise<void> {
    await this.worker.stop(0)
    await this.stage.close()
    await this.account.close()
  }

  private startWorker(): Worker {
    const { db, clock, log } = this.services
    const lanes = [inboxLane(this.services, () => 0)]
    const worker = new Worker(db, clock, log, lanes as ConstructorParameters<typeof Worker>[3])
    worker.start()
    return worker
  }
}

export const PAID_ONCE = { organizations: 1, members: 1, subscriptions: 1, payments: 1, tenants: 0, runs: 0 }
export const NOT_PAID = { organizations: 0, members: 0, subscriptions: 0, payments: 0, tenants: 0, runs: 0 }
