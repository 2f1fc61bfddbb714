import type { Server } from 'bun'
import { Elysia } from 'elysia'
import { ErrorPage, type ErrorProps } from '../views/shop/error'
import { asAtlasError, notFound } from './errors'
import { ROUTES } from './routes'
import { json, page } from './routes/answer'
import { Door } from './routes/door'
import { Live } from './routes/live'
import { Refusal, statusOf } from './routes/refusal'
import { type Policy, type Route, routesAt } from './routes/route'
import { securityHeaders } from './routes/security-headers'
import { brandOf } from './routes/shop'
import type { Services } from './services'

const POLICIES: readonly Policy[] = ['public', 'operator', 'operator_api', 'webhook']
const STRIPE_CHECKOUT = 'https://checkout.stripe.com'
// Far above what routes read: beyond it Bun answers by itself, without our words and headers.
const REQUEST_BYTES_MAX = 64 * 1024 * 1024

export type AppOptions = {
  /** Where Stripe's checkout page is, when it is not Stripe's own. */
  checkoutOrigin?: string
}

/** The HTTP side of Atlas: routes behind their policies, and the one place where errors become responses. */
export class App {
  private readonly live: Live
  private readonly door: Door
  private readonly elysia = new Elysia({ handler: { standardHostname: false } })
  private readonly headers: Record<string, string>
  private server?: Server<undefined>

  constructor(
    private readonly services: Services,
    options: AppOptions = {},
    private readonly list: readonly Route[] = ROUTES,
  ) {
    this.live = new Live(services)
    this.door = new Door(services, this.live)
    this.headers = securityHeaders(options.checkoutOrigin ?? STRIPE_CHECKOUT)
    for (const route of list) this.mount(route)
    this.elysia.onError(({ request, error, code }) =>
      code === 'NOT_FOUND' ? this.miss(request) : this.refuse(request, error),
    )
  }

  /** Listens on loopback only; Caddy stands in front. Returns the port. */
  listen(port: number): number {
    this.server = Bun.serve({
      port,
      hostname: '127.0.0.1',
      development: false,
      // Bun shares a port by default when not in development: a second server would take half of the visitors.
      reusePort: false,
      maxRequestBodySize: REQUEST_BYTES_MAX,
      fetch: (request, server) => this.answer(request, server),
      error: (error) => {
        const request = new Request('http://localhost/')
        return this.finish(request, this.refuse(request, error))
      },
    })
    return this.server.port ?? port
  }

  /** Ends event streams and stops listening. */
  async stop(): Promise<void> {
    this.live.stop()
    await this.server?.stop(true)
  }

  /** Answers one request. */
  async answer(request: Request, server?: Server<undefined>): Promise<Response> {
    if (!this.knowsHost(request)) {
      return this.finish(
        request,
        this.refuse(request, new Refusal(421, 'Atlas does not answer to this name.')),
      )
    }
    const isHead = request.method === 'HEAD'
    const asked = isHead
      ? new Request(request.url, { headers: request.headers, signal: request.signal })
      : request
    if (server) peers.set(asked, server.requestIP(request)?.address ?? null)
    const response = this.finish(request, await this.elysia.handle(asked))
    if (isHead) return withoutBody(response)
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) server?.timeout(request, 0)
    return response
  }

  private mount(route: Route): void {
    if (!POLICIES.includes(route.policy)) {
      throw new Error(`${route.method} ${route.path} has no policy, so Atlas does not start.`)
    }
    this.elysia.route(
      route.method,
      route.path,
      async ({ request, params }: { request: Request; params: Record<string, string> }) => {
        try {
          return await this.enter(route, request, params)
        } catch (thrown) {
          return this.refuse(request, thrown)
        }
      },
      { parse: 'none' },
    )
  }

  private async enter(route: Route, request: Request, params: Record<string, string>): Promise<Response> {
    const call = this.door.admit(route, { request, params, peer: peers.get(request) ?? null })
    if (call instanceof Response) return call
    try {
      const answer = await route.handle(call)
      return answer instanceof Response ? answer : page(answer)
    } catch (thrown) {
      return this.refuse(request, thrown, route.policy === 'operator' ? this.wayOn(request) : undefined)
    }
  }

  /** No route answers: there is nothing, or nothing for this method, which only those hear who may know the address. */
  private miss(request: Request): Response {
    const there = routesAt(this.list, new URL(request.url).pathname)
    const [route] = there
    if (!route) return this.refuse(request, notFound('There is nothing at this address.'))
    try {
      const call = this.door.admit(route, { request, params: {}, peer: peers.get(request) ?? null })
      if (call instanceof Response) return call
      const answer = this.refuse(request, new Refusal(405, 'This address does not take that method.'))
      const methods = there.flatMap(({ method }) => (method === 'GET' ? [method, 'HEAD'] : [method]))
      answer.headers.set('allow', methods.join(', '))
      return answer
    } catch (thrown) {
      return this.refuse(request, thrown)
    }
  }

  private knowsHost(request: Request): boolean {
    const host = request.headers.get('host')
    const port = this.server?.port
    return (
      host === new URL(this.services.settings.baseUrl).host ||
      host === `127.0.0.1:${port}` ||
      host === `localhost:${port}`
    )
  }

  /** Where an operator goes on from what did not work: back to the page that they came from, or to the overview. */
  private wayOn(request: Request): ErrorProps['link'] {
    const from = URL.parse(request.headers.get('referer') ?? '')
    const isOurs = from?.origin === new URL(this.services.settings.baseUrl).origin
    if (!from || !isOurs || !from.pathname.startsWith('/admin'))
      return { href: '/admin', label: 'Go to the overview' }
    return { href: from.pathname + from.search, label: 'Back to where you were' }
  }

  private refuse(request: Request, thrown: unknown, link?: ErrorProps['link']): Response {
    const error = asAtlasError(thrown)
    const status = statusOf(error)
    if (status === 500) this.services.log.error('a request broke', thrown, { method: request.method })
    const headers: Record<string, string> = error.retryAfterMs
      ? { 'retry-after': String(Math.ceil(error.retryAfterMs / 1_000)) }
      : {}
    // Even Atlas's own words about what broke inside it are for the log only.
    const message = error.code === 'internal' ? asAtlasError(null).message : error.message
    if (isForPrograms(request)) {
      const { code, fields } = error
      return json({ error: { code, message, ...(fields ? { fields } : {}) } }, status, headers)
    }
    return page(this.errorPage(status, message, link), status, headers)
  }

  private errorPage(status: number, sentence: string, link: ErrorProps['link']) {
    const title = status === 404 ? 'Not found' : status >= 500 ? 'Something went wrong' : 'That did not work'
    return ErrorPage({ brand: brandOf(this.services), status, title, sentence, link })
  }

  private finish(request: Request, response: Response): Response {
    for (const [name, value] of Object.entries(this.headers)) response.headers.set(name, value)
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'no-store')
    if (isForPrograms(request)) response.headers.set('x-robots-tag', 'noindex')
    return response
  }
}

// A request without a usable Host header has no address that can be parsed.
const isForPrograms = ({ url }: Request) => URL.canParse(url) && new URL(url).pathname.startsWith('/api/')

/** The answer to HEAD; a stream that began for it ends at once. */
function withoutBody(response: Response): Response {
  response.body?.cancel()
  return new Response(null, response)
}

// The peer's address is known to Bun's server only; handlers see the request alone.
const peers = new WeakMap<Request, string | null>()
