const LOOPBACK = /^(localhost|.+\.localhost|127\.0\.0\.1|\[::1\])$/

/**
 * The refusal for a request that did not come from this machine's own pages, or null. The simulator knows no
 * login: another site in the same browser must neither read the mailbox (DNS rebinding) nor set faults (CSRF).
 */
export function refuseStrangers(request: Request): Response | null {
  const { hostname, host } = new URL(request.url)
  if (!LOOPBACK.test(hostname))
    return new Response('The simulator answers on this machine only.', { status: 421 })
  if (request.method === 'GET' || request.method === 'HEAD') return null
  const origin = request.headers.get('origin')
  const site = request.headers.get('sec-fetch-site')
  const isOwn = (site === null || site === 'same-origin') && (origin === null || origin === `http://${host}`)
  return isOwn ? null : new Response('The request came from another site.', { status: 403 })
}
