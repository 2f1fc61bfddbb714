import { sleep } from '../clock'
import { type Fault, Faults } from './faults'
import { Rate } from './rate'
import { failed, respond, unauthenticated, unrecognized } from './stripe/answers'
import type { Subscription } from './stripe/billing'
import { Calendar } from './stripe/calendar'
import { CheckoutPage } from './stripe/checkout-page'
import { collect } from './stripe/collection'
import { declineFromNow } from './stripe/declines'
import { type Deliver, Deliveries, type Disorder, type Endpoint } from './stripe/deliveries'
import { missing, Refusal, refusalFor, wrong } from './stripe/errors'
import { API_VERSION, type Event, Events, NO_REQUEST } from './stripe/events'
import { acceptOnly, parseForm } from './stripe/form'
import { type Answer, Idempotency } from './stripe/idempotency'
import type { Scene } from './stripe/invoicing'
import { type PastSale, recordPastSale, type Sold } from './stripe/past-sale'
import { renewNow } from './stripe/renewal'
import { match } from './stripe/routes'
import { type SeedPrice, Store } from './stripe/store'
import { cancelSubscription } from './stripe/subscriptions'
import { View } from './stripe/view'
import type { Twin } from './twin'
import type { World } from './world'

export type StripeTwinOptions = {
  secretKey: string
  /** Where a browser reaches the checkout page; asked each time, as the port may be known late. */
  publicUrl: () => string
  prices: SeedPrice[]
  webhook: Endpoint
  /** How webhooks are sent; the machine's `fetch` when absent. */
  deliver?: Deliver
  /** How long an API call takes at the real Stripe, in milliseconds; scaled by the world's speed. */
  latencyMs?: number
  /** Requests a second until 429; no limit when absent (Stripe: 100 live, 25 in test mode). */
  ratePerSecond?: number
}

const REFUSAL_STATUS = 429

/** Stripe's double: its API under `/v1`, its checkout page under `/checkout`, its webhooks. */
export class StripeTwin implements Twin {
  readonly name = 'stripe'
  readonly prefix = '/v1'
  readonly store: Store
  private readonly events: Events
  private readonly deliveries: Deliveries
  private readonly idempotency: Idempotency
  private readonly view: View
  private readonly rate: Rate
  private readonly checkout: CheckoutPage
  private readonly calendar: Calendar
  private armedFor?: number
  private disarm?: () => void
  private isStopped = false

  constructor(
    private readonly world: World,
    private readonly options: StripeTwinOptions,
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
    this.idempotency = new Idempotency(world)
    this.view = new View(this.store, options.publicUrl)
    this.rate = new Rate(world, options.ratePerSecond)
    this.checkout = new CheckoutPage(this.store, this.events)
    this.calendar = new Calendar(this.store)
    this.tick()
  }

  verbOf(request: Request): string {
    const { pathname } = new URL(request.url)
    return match(request.method, pathname)?.route.verb ?? `${request.method} ${pathname.slice(3)}`
  }

  async handle(request: Request): Promise<Response> {
    this.tick()
    const requestId = this.store.id('req', 8)
    try {
      this.authorize(request)
      return await this.serve(request, requestId)
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown
      return respond(failed(thrown, requestId), requestId)
    }
  }

  /** Stripe's own refusal; a 5xx is remembered under the idempotency key, as Stripe does. */
  refuse(request: Request, fault: Fault): Response {
    const requestId = this.store.id('req', 8)
    const answer = failed(refusalFor(fault.status ?? REFUSAL_STATUS, fault.code), requestId)
    const key = keyOf(request)
    if (key && answer.status >= 500 && !this.idempotency.known(key)) {
      this.idempotency.remember(key, { path: new URL(request.url).pathname, body: null }, answer)
    }
    return respond(answer, requestId)
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

  private authorize(request: Request): void {
    const [scheme, credentials = ''] = (request.headers.get('authorization') ?? '').split(' ')
    const key = scheme === 'Basic' ? atob(credentials).split(':')[0] : credentials
    if (!key) throw unauthenticated('You did not provide an API key.')
    if (key !== this.options.secretKey) throw unauthenticated('Invalid API Key provided.')
    if (this.rate.take() < 0) throw refusalFor(429)
  }

  private async serve(request: Request, requestId: string): Promise<Response> {
    const version = request.headers.get('stripe-version')
    if (version && version !== API_VERSION) throw wrong(`Invalid Stripe API version: ${version}`)
    const body = await request.text()
    const { pathname } = new URL(request.url)
    const key = keyOf(request)
    const pause = () => this.takeItsTime()
    const act = () => this.act(request, body, requestId)
    if (!key) {
      await pause()
      return respond(act(), requestId)
    }
    const answer = await this.idempotency.once(key, { path: pathname, body }, pause, act)
    return respond(answer, requestId, key, answer.isReplay)
  }

  private async takeItsTime(): Promise<void> {
    const { latencyMs } = this.options
    if (latencyMs) await sleep(this.world.clock, this.world.lasts(latencyMs))
  }

  private act(request: Request, body: string, requestId: string): Answer {
    const { pathname, search } = new URL(request.url)
    const matched = match(request.method, pathname)
    if (!matched) throw unrecognized(request.method, pathname)
    const params = parseForm(request.method === 'POST' ? body : search.slice(1))
    acceptOnly(params, matched.route.accepts)
    const origin = { id: requestId, idempotency_key: keyOf(request) }
    const call = { store: this.store, events: this.events, params, id: matched.id, path: pathname, origin }
    const result = matched.route.run(call)
    if (result instanceof Refusal) return failed(result, requestId)
    const shown = this.view.of(result, params)
    return { status: 200, body: JSON.stringify(shown, null, 2), requestId }
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

/** Only POST is made idempotent by a key; on GET and DELETE it means nothing. */
function keyOf(request: Request): string | null {
  return request.method === 'POST' ? request.headers.get('idempotency-key') : null
}
