import { Refusal } from './answers'

export type Call = {
  /** The `{id}` of the path. */
  id: string
  url: URL
  body: unknown
}

export type Route = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Segments are literal, or `{id}` for digits. */
  path: string
  answer: (call: Call) => Response
}

// https://docs.hetzner.cloud/changelog: gone since 1 October 2026.
const REMOVED = [
  {
    path: /^\/datacenters(\/\d+)?$/,
    announcement: 'https://docs.hetzner.cloud/changelog#2026-06-02-datacenters-deprecated',
  },
]

/** The route for a request, and its id. Throws 404, 405 or 410 as Hetzner does. */
export function findRoute(routes: Route[], method: string, path: string): { route: Route; id: string } {
  const here = routes.filter((route) => pattern(route.path).test(path))
  const route = here.find((candidate) => candidate.method === method)
  if (route) return { route, id: pattern(route.path).exec(path)?.[1] ?? '' }
  const removed = REMOVED.find((gone) => gone.path.test(path))
  if (removed) {
    const details = { announcement: removed.announcement }
    throw new Refusal('deprecated_api_endpoint', 'API functionality was removed', details)
  }
  if (here.length > 0) throw new Refusal('method_not_allowed', 'The request method is not allowed')
  throw new Refusal('not_found', 'endpoint not found')
}

const patterns = new Map<string, RegExp>()

function pattern(path: string): RegExp {
  const known = patterns.get(path) ?? new RegExp(`^${path.replace('{id}', '(\\d{1,16})')}$`)
  patterns.set(path, known)
  return known
}
