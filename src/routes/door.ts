import { isIP } from 'node:net'
import { findApiToken } from '../accounts/api-token'
import { findSession, noteSeen, type Visitor } from '../accounts/session'
import type { Actor } from '../audit'
import { forbidden, notFound, unauthorized } from '../errors'
import type { Services } from '../services'
import { redirect } from './answer'
import { cookieName } from './cookie'
import { readCookies } from './request'
import type { Call, LiveStreams, Policy, Route } from './route'

/** What a request brings along that the request itself does not say. */
export type Arrival = { request: Request; params: Record<string, string>; peer: string | null }

/** The way into a route: where the request comes from, who it is, and whether the policy lets them in. */
export class Door {
  constructor(
    private readonly services: Services,
    private readonly live: LiveStreams,
  ) {}

  /** The call as its handler gets it, or the answer that sends them elsewhere. Throws when they may not come in. */
  admit(route: Route, arrival: Arrival): Call | Response {
    if (route.method !== 'GET' && route.policy !== 'webhook') this.requireSameOrigin(arrival.request)
    const call = this.callOf(arrival, route.policy)
    const actor = this.actorFor(route.policy, call)
    return actor instanceof Response ? actor : { ...call, actor }
  }

  private callOf({ request, params, peer }: Arrival, policy: Policy): Call {
    const { services, live } = this
    const { db, clock, settings } = services
    const url = new URL(request.url)
    const cookies = readCookies(request.headers.get('cookie'))
    const visitor = visitorOf(request, peer)
    const token = cookies[cookieName('session', settings.baseUrl)]
    const look = () => findSession(db.read, token, settings.adminEmail, clock.now())
    const session = look()
    if (token && session) noteSeen(db, token, session, clock.now())
    const actor: Actor = { id: session?.userId ?? 'visitor', ip: visitor.ip }
    const mayStill = () => policy === 'public' || look()?.isOperator === true
    return { services, live, request, url, params, visitor, session, actor, cookies, mayStill }
  }

  /** Who it is, if the policy lets them in; otherwise a way to sign in, or an error thrown. */
  private actorFor(policy: Policy, call: Call): Actor | Response {
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
}

/** Caddy appends the peer it saw, so only the last address of the header can be believed. */
function visitorOf(request: Request, peer: string | null): Visitor {
  const forwarded = request.headers.get('x-forwarded-for')?.split(',').at(-1)?.trim() ?? ''
  const ip = isIP(forwarded) ? forwarded : peer
  return { ip, userAgent: request.headers.get('user-agent') }
}
