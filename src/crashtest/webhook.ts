import type { Call } from '../routes/route'
import { webhookRoutes } from '../routes/webhooks'
import type { Services } from '../services'

/** Hands a webhook to the route that takes it, as the app does after its policies. */
export async function receiveWebhook(services: Services, init: RequestInit): Promise<Response> {
  const [route] = webhookRoutes
  const request = new Request('http://atlas.internal/api/stripe/webhook', init)
  return (await route?.handle({ services, request } as Call)) as Response
}
