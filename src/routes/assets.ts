import hxSse from 'htmx.org/dist/ext/hx-sse.min.js' with { type: 'text' }
import htmx from 'htmx.org/dist/htmx.min.js' with { type: 'text' }
import { accentCss } from '../../views/accent'
import { atlasFavicon, shopFavicon } from '../../views/favicon'
import localTime from '../../views/local-time.js' with { type: 'text' }
import styles from '../../views/styles.css' with { type: 'text' }
import type { Services } from '../services'
import { type Route, routes } from './route'

const CSS = 'text/css; charset=utf-8'
const JS = 'text/javascript; charset=utf-8'
const SVG = 'image/svg+xml'

/** What pages are made of; all of it is inside the binary. */
export const assetRoutes = routes(
  asset('/assets/styles.css', CSS, () => styles),
  asset('/assets/htmx.js', JS, () => htmx as unknown as string),
  asset('/assets/hx-sse.js', JS, () => hxSse as unknown as string),
  asset('/assets/local-time.js', JS, () => localTime as unknown as string),
  asset('/assets/accent.css', CSS, ({ catalog }) => accentCss(catalog.front.shop.accent)),
  asset('/assets/favicon.svg', SVG, ({ catalog }) =>
    shopFavicon(catalog.front.shop.name, catalog.front.shop.accent),
  ),
  asset('/assets/atlas.svg', SVG, () => atlasFavicon()),
  asset('/favicon.ico', SVG, ({ catalog }) =>
    shopFavicon(catalog.front.shop.name, catalog.front.shop.accent),
  ),
  {
    method: 'GET',
    path: '/robots.txt',
    policy: 'public',
    handle: () => new Response('User-agent: *\nDisallow: /admin\nDisallow: /login\nDisallow: /signup\n'),
  },
)

function asset(path: string, type: string, text: (services: Services) => string): Route {
  return {
    method: 'GET',
    path,
    policy: 'public',
    handle: ({ services, request }) => {
      const body = text(services)
      const etag = `"${Bun.hash(body).toString(36)}"`
      const headers = { 'content-type': type, etag, 'cache-control': 'public, max-age=300' }
      if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
      return new Response(body, { headers })
    },
  }
}
