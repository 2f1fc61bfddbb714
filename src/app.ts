import { isIP } from 'node:net'
import type { Server } from 'bun'
import { Elysia } from 'elysia'
import { ErrorPage } from '../views/shop/error'
import { findApiToken } from './accounts/api-token'
import { findSession, noteSeen, type Visitor } from './accounts/session'
import type { Actor } from './audit'
import { asAtlasError, forbidden, notFound, unauthorized } from './errors'
import { adminRoutes } from './routes/admin'
import { json, page, redirect } from './routes/answer'
import { apiRoutes } from './routes/api'
import { assetRoutes } from './routes/assets'
import { cookieName } from './routes/cookie'
import { Live } from './routes/live'
import { loginRoutes } from './routes/login'
import { Refusal, statusOf } from './routes/refusal'
import { readCookies } from './routes/request'
import type { Call, Policy, Route } from './routes/route'
import { runRoutes } from './routes/runs'
import { brandOf, shopRoutes } from './routes/shop'
import { signupRoutes } from './routes/signups'
import { tenantRoutes } from './routes/tenants'
import { troubleRoutes } from './routes/troubles'
import { webhookRoutes } from './routes/webhooks'
import type { Services } from './services'

/** Every route of Atlas. */
export const ROUTES: readonly Route[] = [
  ...assetRoutes,
  ...shopRoutes,
  ...signupRoutes,
  ...loginRoutes,
  ...adminRoutes,
  ...tenantRoutes,
  ...runRoutes,
  ...troubleRoutes,
  ...apiRoutes,
  ...webhookRoutes,
]

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
  private readonly elysia = new Elysia({ handler: { standardHostname: false } })
  private readonly headers: Record<string, string>
  private server?: Server<undefined>

  constructor(
    private readonly services: Services,
    options: AppOptions = {},
    list: readonly Route[] = ROUTES,
  ) {
    this.live = new Live(services)
    this.headers = securityHeaders(options.checkoutOrigin ?? STRIPE_CHECKOUT)
    for (const route of list) this.mount(route)
    this.elysia.onError(({ request, error, code }) =>
      this.refuse(request, code === 'NOT_FOUND' ? notFound('There is nothing at this address.') : error),
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
    if (server) visitorsAddress.set(asked, server.requestIP(request)?.address ?? null)
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
    if (route.method !== 'GET' && route.policy !== 'webhook') this.requireSameOrigin(request)
    const call = this.callOf(request, params, route.policy)
    const actor = this.admit(route.policy, call)
    if (actor instanceof Response) return actor
    const answer = await route.handle({ ...call, actor })
    return answer instanceof Response ? answer : page(answer)
  }

  private callOf(request: Request, params: Record<string, string>, policy: Policy): Call {
    const { services, live } = this
    const { db, clock, settings } = services
    const url = new URL(request.url)
    const cookies = readCookies(request.headers.get('cookie'))
    const visitor = visitorOf(request)
    const token = cookies[cookieName('session', settings.baseUrl)]
    const look = () => findSession(db.read, token, settings.adminEmail, clock.now())
    const session = look()
    if (token && session) noteSeen(db, token, session, clock.now())
    const actor: Actor = { id: session?.userId ?? 'visitor', ip: visitor.ip }
    const mayStill = () => policy === 'public' || look()?.isOperator === true
    return { services, live, request, url, params, visitor, session, actor, cookies, mayStill }
  }

  /** Who it is, if the policy lets them in; otherwise a way to sign in, or an error thrown. */
  private admit(policy: Policy, call: Call): Actor | Response {
    if (policy === 'public' || policy === 'webhook') return call.actor
    if (call.session?.isOperator) return call.actor
    if (policy === 'operator_api') return this.admitToken(call)
    // Somebody signed in who is not the operator learns nothing about what is here.
    if (call.session) throw notFound('There is nothing at this address.')
    if (call.request.headers.has('hx-request'))
      return new Response(null, { status: 401, headers: { 'hx-redirect': '/login' } })
    return redirect('/login')
  }

  private admitToken({ request, actor }: Call): Actor {
    const [scheme, token] = (request.headers.get('authorization') ?? '').split(' ')
    const { db, clock } = this.services
    const found = scheme?.toLowerCase() === 'bearer' && token ? findApiToken(db, token, clock.now()) : null
    if (!found) throw unauthorized('Sign in, or send an API token as `Authorization: Bearer …`.')
    return { id: found.id, ip: actor.ip }
  }

  /** A browser says where a request comes from; a program without cookies says nothing and has nothing to lose. */
  private requireSameOrigin(request: Request): void {
    const site = request.headers.get('sec-fetch-site')
    const origin = request.headers.get('origin')
    const ours = new URL(this.services.settings.baseUrl).origin
    const sentFromElsewhere = site !== null && site !== 'same-origin' && site !== 'none'
    if (sentFromElsewhere || (origin !== null && origin !== ours)) {
      throw forbidden('This request came from another site, so Atlas did not act on it.')
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

  private refuse(request: Request, thrown: unknown): Response {
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
    return page(this.errorPage(status, message), status, headers)
  }

  private errorPage(status: number, sentence: string) {
    const title = status === 404 ? 'Not found' : status >= 500 ? 'Something went wrong' : 'That did not work'
    return ErrorPage({ brand: brandOf(this.services), status, title, sentence })
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
const visitorsAddress = new WeakMap<Request, string | null>()

/** Caddy appends the peer it saw, so only the last address of the header can be believed. */
function visitorOf(request: Request): Visitor {
  const forwarded = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? ''
  const ip = isIP(forwarded) ? forwarded : (visitorsAddress.get(request) ?? null)
  return { ip, userAgent: request.headers.get('user-agent') }
}

function securityHeaders(checkoutOrigin: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    // Chromium holds the redirect after a form to this too, and the signup's form ends at the checkout.
    `form-action 'self' ${checkoutOrigin}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-security-policy': policy.join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=()',
  }
}
