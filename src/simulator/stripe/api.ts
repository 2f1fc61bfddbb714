import { sleep } from '../../clock'
import type { Fault } from '../faults'
import { Rate } from '../rate'
import type { World } from '../world'
import { failed, respond, unauthenticated, unrecognized } from './answers'
import { Refusal, refusalFor, wrong } from './errors'
import { API_VERSION, type Events } from './events'
import { acceptOnly, parseForm } from './form'
import { type Answer, Idempotency } from './idempotency'
import { match } from './routes'
import type { Store } from './store'
import { View } from './view'

export type ApiOptions = {
  secretKey: string
  /** Where a browser reaches the checkout page; asked each time, as the port may be known late. */
  publicUrl: () => string
  /** How long an API call takes at the real Stripe, in milliseconds; scaled by the world's speed. */
  latencyMs?: number
  /** Requests a second until 429; no limit when absent (Stripe: 100 live, 25 in test mode). */
  ratePerSecond?: number
}

const REFUSAL_STATUS = 429

/** Stripe's API under `/v1`: keys, versions, idempotency and errors, around what its routes do to the store. */
export class Api {
  private readonly idempotency: Idempotency
  private readonly view: View
  private readonly rate: Rate

  constructor(
    private readonly world: World,
    private readonly store: Store,
    private readonly events: Events,
    private readonly options: ApiOptions,
  ) {
    this.idempotency = new Idempotency(world)
    this.view = new View(store, options.publicUrl)
    this.rate = new Rate(world, options.ratePerSecond)
  }

  async answer(request: Request): Promise<Response> {
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
}

/** The operation that a request asks for, in Stripe's words. */
export function verbOf(request: Request): string {
  const { pathname } = new URL(request.url)
  return match(request.method, pathname)?.route.verb ?? `${request.method} ${pathname.slice(3)}`
}

/** Only POST is made idempotent by a key; on GET and DELETE it means nothing. */
function keyOf(request: Request): string | null {
  return request.method === 'POST' ? request.headers.get('idempotency-key') : null
}
