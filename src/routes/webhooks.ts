import { AtlasError } from '../errors'
import { countUp, REFUSED, receiveEvent } from '../inbox/inbox'
import { json } from './answer'
import { Refusal } from './refusal'
import { readText } from './request'
import { routes } from './route'

const EVENT_BYTES_MAX = 1024 * 1024

/** What other systems tell us. */
export const webhookRoutes = routes({
  method: 'POST',
  path: '/api/stripe/webhook',
  policy: 'webhook',
  handle: async ({ services, request }) => {
    const { db, clock, payments } = services
    const body = await readText(request, EVENT_BYTES_MAX)
    const signature = request.headers.get('stripe-signature') ?? ''
    try {
      const event = await payments.verifyWebhook(body, signature, clock.now())
      db.write((tx) => receiveEvent(tx, event, clock.now()))
    } catch (thrown) {
      if (!(thrown instanceof AtlasError) || thrown.code !== 'invalid') throw thrown
      // Whoever forges many has no page drawn anew for each.
      db.writeQuietly((tx) => countUp(tx, REFUSED))
      throw new Refusal(400, 'The webhook does not verify.')
    }
    return json({ received: true })
  },
})
