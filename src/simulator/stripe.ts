import { sleep } from '../clock'
import { type Fault, Faults } from './faults'
import { Rate } from './rate'
import { expireSession } from './stripe/checkout'
import { CheckoutPage } from './stripe/checkout-page'
import { type Deliver, Deliveries, type Disorder, type Endpoint } from './stripe/deliveries'
import { Refusal, refusalFor, wrong } from './stripe/errors'
import { API_VERSION, type Event, Events, NO_REQUEST } from './stripe/events'
import { acceptOnly, parseForm } from './stripe/form'
import { type Answer, Idempotency } from './stripe/idempotency'
import { type PastSale, recordPastSale, type Sold } from './stripe/past-sale'
import { ROUTES, type Route } from './stripe/routes'
import { type SeedPrice, Store } from './stripe/store'
import { endDueSubscriptions } from './stripe/subscriptions'
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

  /** Puts a sale of the past into the account, as if it had been made here. */
  seed(sale: PastSale): Sold {
    return recordPastSale(this.store, sale)
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
    return this.deliveries.pending().length
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
    const shown = this.view.of(matched.route.run(call), params)
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
    for (const session of this.store.sessions.all()) {
      const isOver = session.status === 'open' && session.expires_at <= this.store.seconds()
      if (isOver) expireSession(this.store, this.events, session, NO_REQUEST)
    }
    endDueSubscriptions(this.store, this.events)
    this.deliveries.sendDue(() => this.tick())
    this.arm()
  }

  private arm(): void {
    this.disarm?.()
    this.disarm = undefined
    const next = this.nextMoment()
    if (next !== undefined && !this.isStopped) this.disarm = this.world.clock.at(next, () => this.tick())
  }

  private nextMoment(): number | undefined {
    const open = this.store.sessions.all().filter((session) => session.status === 'open')
    const ending = this.store.subscriptions.all().filter((one) => one.status !== 'canceled')
    const moments = [
      this.deliveries.nextDue(),
      ...open.map((session) => session.expires_at * 1000),
      ...ending.map((one) => (one.cancel_at === null ? undefined : one.cancel_at * 1000)),
    ].filter((moment) => moment !== undefined)
    return moments.length === 0 ? undefined : Math.min(...moments)
  }
}

type Matched = { route: Route; id: string }

function match(method: string, pathname: string): Matched | undefined {
  const steps = pathname.slice('/v1/'.length).split('/')
  for (const route of ROUTES) {
    const [routeMethod = '', path = ''] = route.verb.split(' ')
    const wanted = path.slice(1).split('/')
    const isSame = wanted.every((step, index) => step === steps[index] || step === ':id')
    if (routeMethod === method && wanted.length === steps.length && isSame) {
      return { route, id: steps[wanted.indexOf(':id')] ?? '' }
    }
  }
  return undefined
}

/** Only POST is made idempotent by a key; on GET and DELETE it means nothing. */
function keyOf(request: Request): string | null {
  return request.method === 'POST' ? request.headers.get('idempotency-key') : null
}

function failed(refusal: Refusal, requestId: string): Answer {
  return { status: refusal.status, body: JSON.stringify({ error: refusal.body }, null, 2), requestId }
}

function respond(answer: Answer, requestId: string, key?: string, isReplay = false): Response {
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache, no-store',
      'request-id': requestId,
      'stripe-version': API_VERSION,
      ...(key && { 'idempotency-key': key }),
      ...(isReplay && {
        'idempotent-replayed': 'true',
        'original-request': answer.requestId,
        'stripe-should-retry': 'false',
      }),
    },
  })
}

function unauthenticated(message: string): Refusal {
  return new Refusal(401, { type: 'invalid_request_error', message })
}

function unrecognized(method: string, pathname: string): Refusal {
  return new Refusal(404, {
    type: 'invalid_request_error',
    message: `Unrecognized request URL (${method}: ${pathname}).`,
  })
}
