import type { Html } from '../../views/jsx-runtime'

/** A page as a response. */
export function page(html: Html, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(html.toString(), {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8', ...headers },
  })
}

/** Sends the browser on with a GET. `to` is a path of ours or an address that a provider gave us. */
export function redirect(to: string, headers: Record<string, string> = {}): Response {
  return new Response(null, { status: 303, headers: { location: to, ...headers } })
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers })
}
