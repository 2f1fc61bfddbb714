import type { Html } from '../../views/jsx-runtime'
import type { Session, Visitor } from '../accounts/session'
import type { Actor } from '../audit'
import type { Services } from '../services'

/**
 * Who may call a route:
 * `public` anyone; `operator` the signed-in operator; `operator_api` the operator's session or API token;
 * `webhook` anyone, who is then verified by signature, with no cookies and no origin check.
 */
export type Policy = 'public' | 'operator' | 'operator_api' | 'webhook'

export type Route = {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  policy: Policy
  handle(call: Call): Answer | Promise<Answer>
}

/** A page or a whole response. */
export type Answer = Html | Response

/** One request on its way through a handler. */
export type Call = {
  services: Services
  live: LiveStreams
  request: Request
  url: URL
  params: Record<string, string>
  visitor: Visitor
  session: Session | null
  /** Who it is, for the audit log. */
  actor: Actor
  cookies: Record<string, string>
  /** Whether the route's policy would still let them in: a stream outlives the request that opened it. */
  mayStill(): boolean
}

/** What keeps server-sent event streams; see live.ts. */
export interface LiveStreams {
  /** Sends what `render` gives whenever it changes; ends when it gives null or the caller may no longer look. */
  open(call: Call, render: () => Html | null): Response
  /**
   * Sends those of a page's parts that have changed, each whenever its mark does. Those that the page shows already
   * as they are, the reader is not sent at first.
   */
  openParts(call: Call, look: () => Part[], isShown: (part: Part) => boolean): Response
}

/** A part of a page that is kept up to date by itself. */
export type Part = {
  /** The id of the element that holds it. */
  id: string
  /** Another one when it would be drawn in another way. */
  mark: string
  draw(): Html
}

/** The routes at a path, whatever their methods. */
export function routesAt(list: readonly Route[], path: string): Route[] {
  const asked = path.split('/')
  return list.filter((route) => {
    const parts = route.path.split('/')
    return (
      parts.length === asked.length && parts.every((part, i) => part.startsWith(':') || part === asked[i])
    )
  })
}

/** Collects the routes of one noun; a route without a policy does not type-check, and app.ts checks again. */
export const routes = (...list: Route[]): Route[] => list
