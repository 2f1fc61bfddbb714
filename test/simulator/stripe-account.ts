import { expect } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { createStripe } from '../../src/providers/stripe'
import { Front } from '../../src/simulator/front'
import { StripeTwin, type StripeTwinOptions } from '../../src/simulator/stripe'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkStripe } from '../contract/stripe'

export const SECRET_KEY = 'sk_test_atlas'
export const WEBHOOK_SECRET = 'whsec_atlas'
export const STARTER = 'price_starter'

type Options = Partial<StripeTwinOptions> & { file?: string; clock?: ManualClock; timeoutMs?: number }

/** A simulated Stripe behind a real port, the real client talking to it, every exchange held to the contract. */
export function openAccount(options: Options = {}) {
  const clock = options.clock ?? new ManualClock()
  const world = new World({ clock, file: options.file })
  const twin = new StripeTwin(world, {
    secretKey: SECRET_KEY,
    publicUrl: () => url,
    prices: [
      { id: STARTER, amount: 2900, currency: 'usd', interval: 'month', productName: 'Virtues Starter' },
      { id: 'price_pro', amount: 7900, currency: 'usd', interval: 'month', productName: 'Virtues Pro' },
    ],
    webhook: { url: 'http://127.0.0.1:9/api/stripe/webhook', secret: WEBHOOK_SECRET },
    deliver: async () => new Response(null, { status: 200 }),
    ...options,
  })
  const front = new Front(world, [twin], (request) => twin.page(request))
  const url = front.listen(0)
  const exchanges: Exchange[] = []
  front.observe((exchange) => exchanges.push(exchange))
  const payments = createStripe({
    secretKey: SECRET_KEY,
    webhookSecret: WEBHOOK_SECRET,
    apiUrl: url,
    timeoutMs: options.timeoutMs,
  })
  return {
    clock,
    world,
    twin,
    front,
    url,
    payments,
    exchanges,
    /** Checks every exchange so far against Stripe's types, then closes all. */
    async close() {
      twin.stop()
      await front.stop()
      world.close()
      expect(exchanges.flatMap(checkStripe)).toEqual([])
    },
    /** A call of the API with the key, past the SDK. */
    call(
      method: string,
      path: string,
      form: Record<string, string> = {},
      headers: Record<string, string> = {},
    ) {
      const body = new URLSearchParams(form).toString()
      const isPost = method === 'POST'
      return fetch(`${url}/v1${path}${isPost || body === '' ? '' : `?${body}`}`, {
        method,
        headers: {
          authorization: `Bearer ${SECRET_KEY}`,
          'stripe-version': '2026-10-28.endive',
          ...(isPost && { 'content-type': 'application/x-www-form-urlencoded' }),
          ...(isPost && { 'idempotency-key': crypto.randomUUID() }),
          ...headers,
        },
        body: isPost ? body : undefined,
      })
    },
    /** Opens a checkout for the Starter plan that is valid for an hour. */
    openCheckout(key = 'checkout-1', signupId = 'sig_1') {
      return payments.createCheckout({
        signupId,
        email: 'ada@example.com',
        priceId: STARTER,
        successUrl: 'http://shop.localhost/signup/success?session={CHECKOUT_SESSION_ID}',
        cancelUrl: 'http://shop.localhost/signup',
        expiresAt: clock.now() + 3_600_000,
        idempotencyKey: key,
      })
    },
  }
}

export type Account = ReturnType<typeof openAccount>

/** What a customer types on the checkout page. */
export const CARD = { number: '4242 4242 4242 4242', expiry: '12 / 34', cvc: '123', name: 'Ada Lovelace' }

/** Sends the checkout page's form as a browser would, without following the redirect. */
export function submit(address: string | null, form: Record<string, string>): Promise<Response> {
  return fetch(address ?? '', { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
}
