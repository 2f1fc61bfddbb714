import { type Fault, Faults } from './faults'
import { Api, type ApiOptions, verbOf } from './stripe/api'
import type { Subscription } from './stripe/billing'
import { Calendar } from './stripe/calendar'
import { CheckoutPage } from './stripe/checkout-page'
import { collect } from './stripe/collection'
import { declineFromNow } from './stripe/declines'
import { type Deliver, Deliveries, type Disorder, type Endpoint } from './stripe/deliveries'
import { missing } from './stripe/errors'
import { type Event, Events, NO_REQUEST } from './stripe/events'
import type { Scene } from './stripe/invoicing'
import { type PastSale, recordPastSale, type Sold } from './stripe/past-sale'
import { renewNow } from './stripe/renewal'
import { type SeedPrice, Store } from './stripe/store'
import { cancelSubscription } from './stripe/subscriptions'
import type { Twin } from './twin'
import type { World } from './world'

export type StripeTwinOptions = ApiOptions & {
  prices: SeedPrice[]
  webhook: Endpoint
  /** How webhooks are sent; the machine's `fetch` when absent. */
  deliver?: Deliver
}

/** Stripe's double: its API under `/v1`, its checkout page under `/checkout`, its webhooks. */
export class StripeTwin implements Twin {
  readonly name = 'stripe'
  readonly prefix = '/v1'
  readonly store: Store
  private readonly events: Events
  private readonly deliveries: Deliveries
  private readonly api: Api
  private readonly checkout: CheckoutPage
  private readonly calendar: Calendar
  private armedFor?: number
  private disarm?: () => void
  private isStopped = false

  constructor(
    private readonly world: World,
    options: StripeTwinOptions,
  ) {
    this.store = new Store(world)
    this.store.seed(options.prices)
    this.events = new Events(this.store, (event) => this.send(event))
    this.deliveries = new Deliveries(
      world,
      new Faults(world),
      { ...options.webhook },
      options.deliver ?? fetch,
      (eventId) => this.arrived(eventId),
      (eventId) => this.store.events.get(eventId),
    )
    this.api = new Api(world, this.store, this.events, options)
    this.checkout = new CheckoutPage(this.store, this.events)
    this.calendar = new Calendar(this.store)
    this.tick()
  }

  verbOf(request: Request): string {
    return verbOf(request)
  }

  handle(request: Request): Promise<Response> {
    this.tick()
    return this.api.answer(request)
  }

  refuse(request: Request, fault: Fault): Response {
    return this.api.refuse(request, fault)
  }

  /**
   * Has the card on file of a customer, named by id or email, decline: so many charges from the next one on, or all
   * until they pay with another card. Throws a refusal when there is no such customer.
   */
  failNextCharge(customer: string, times: number | null = null): void {
    declineFromNow(this.store, customer, times)
  }

  /** The customer pays what is open with a card that works, which is on file from now on. */
  payOpenInvoice(subscriptionId: string): void {
    this.let(subscriptionId, (scene, { id, customer }) => {
      scene.store.declines.delete(customer)
      const invoices = scene.store.by.invoicesOfSubscription.of(id)
      for (const one of invoices) if (one.status === 'open') collect(scene, one)
    })
  }

  /** Ends a subscription's period now and charges for the next one at once. */
  renewNow(subscriptionId: string): void {
    this.let(subscriptionId, renewNow)
  }

  /** The customer ends the subscription at once. */
  cancelByCustomer(subscriptionId: string): void {
    this.let(subscriptionId, cancelSubscription)
  }

  /** Puts a sale of the past into the account, as if it had been made here. */
  seed(sale: PastSale): Sold {
    const sold = recordPastSale(this.store, sale)
    this.arm()
    return sold
  }

  /** The hosted checkout page and its stylesheet; null for any other path. */
  async page(request: Request): Promise<Response | null> {
    this.tick()
    return this.checkout.answer(request)
  }

  /** Sends webhooks elsewhere from now on, also those that wait. */
  setWebhook(url: string): void {
    this.deliveries.endpoint.url = url
  }

  /** Shuffles and repeats the webhooks that are sent from now on; `null` ends it. */
  disorder(disorder: Disorder | null): void {
    this.deliveries.disorder(disorder)
  }

  /** How many webhooks have not arrived yet. */
  undelivered(): number {
    return this.deliveries.pending
  }

  /** When the next webhook is to be sent; undefined when none waits. */
  nextWebhookAt(): number | undefined {
    return this.deliveries.nextDue()
  }

  /** Resolves when no webhook is under way; those that wait for their time do not count. */
  settled(): Promise<void> {
    return this.deliveries.settled()
  }

  /** Ends timers and what is under way; nothing is lost, the next start goes on. */
  stop(): void {
    this.isStopped = true
    this.disarm?.()
    this.deliveries.stop()
  }

  /** Something happens to a subscription that no request asked for. Throws a refusal when there is none. */
  private let(id: string, happen: (scene: Scene, known: Subscription) => void): void {
    this.tick()
    const known = this.store.subscriptions.get(id)
    if (!known) throw missing('subscription', id, 'id')
    this.world.transaction(() => happen(this.sceneAt(this.world.now()), known))
    this.tick()
  }

  private send(event: Event): void {
    this.deliveries.enqueue(event.id)
    this.arm()
  }

  private arrived(eventId: string): void {
    const event = this.store.events.get(eventId)
    if (event) this.store.events.put({ ...event, pending_webhooks: 0 })
  }

  /** Makes true what the world's time has brought, and waits for what it will bring next. */
  private tick(): void {
    if (this.isStopped) return
    const now = this.world.now()
    if ((this.calendar.next() ?? Number.POSITIVE_INFINITY) <= now) {
      this.world.transaction(() => this.calendar.bringAbout(now, (atMs) => this.sceneAt(atMs)))
    }
    this.deliveries.sendDue(() => this.tick())
    this.arm()
  }

  private sceneAt(atMs: number): Scene {
    const store = this.store.at(atMs)
    return { store, events: this.events.at(store), origin: NO_REQUEST }
  }

  private arm(): void {
    const moments = [this.deliveries.nextDue(), this.calendar.next()].filter((at) => at !== undefined)
    const next = moments.length > 0 && !this.isStopped ? Math.min(...moments) : undefined
    if (next === this.armedFor) return
    this.disarm?.()
    this.armedFor = next
    this.disarm =
      next === undefined
        ? undefined
        : this.world.clock.at(next, () => {
            this.armedFor = undefined
            this.tick()
          })
  }
}
