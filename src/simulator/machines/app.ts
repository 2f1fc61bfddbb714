import { type Html, html, page, raw } from '../html'
import { statusOf } from './condition'
import { type App, type Holding, type Machine, settled } from './machine'
import { notesSection } from './notes'

/** The tenant's app as a visitor meets it over HTTP; `hostname` is a name that the machine serves. */
export function answerAsApp(
  machine: Machine,
  hostname: string,
  request: Request,
  { now, wellForMs }: { now: number; wellForMs: number },
): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return new Response('Method not allowed\n', { status: 405, headers: { Allow: 'GET, HEAD' } })
  }
  const { pathname } = new URL(request.url)
  const app = settled(machine, now).app
  const status = app ? statusOf(app, pathname, now, wellForMs) : 503
  if (pathname === '/health') {
    return Response.json(healthOf(app, status), { status, headers: { 'cache-control': 'no-store' } })
  }
  if (status !== 200) return troublePage('Something went wrong', 'This release has a mistake.', status)
  switch (pathname) {
    case '/app.css':
      return new Response(STYLES, { headers: { 'content-type': 'text/css; charset=utf-8' } })
    case '/icon.svg':
    case '/favicon.ico':
      return new Response(ICON, { headers: { 'content-type': 'image/svg+xml' } })
    case '/':
      return page(homePage(machine, hostname, app?.release ?? ''))
    default:
      return page(missingPage(hostname), { status: 404 })
  }
}

/** What it says at a path when it is well; null where it has nothing to say. */
export function saysAt(machine: Machine, hostname: string, path: string): string | null {
  if (path === '/health') return JSON.stringify(healthOf(machine.app, 200))
  return path === '/' ? homePage(machine, hostname, machine.app?.release ?? '').markup : null
}

function healthOf(app: App | null, status: number) {
  return { status: status === 200 ? 'ok' : 'failing', release: app?.release, digest: app?.digest }
}

function homePage(machine: Machine, hostname: string, release: string): Html {
  const name = nameOf(hostname)
  return layout(
    name,
    html`<main>
      <div class="mark" aria-hidden="true">${name.slice(0, 1)}</div>
      <p class="greeting">Welcome.</p>
      <h1>${name}</h1>
      <p class="lead">This is your own place, on a server that is yours alone. Everything is up and running.</p>
      <dl>
        <div><dt>Address</dt><dd>${hostname}</dd></div>
        <div><dt>Plan</dt><dd>${machine.settings?.plan ?? 'not set'}</dd></div>
        <div><dt>Release</dt><dd>${release}</dd></div>
        <div><dt>State</dt><dd><span class="dot" aria-hidden="true"></span>Running</dd></div>
      </dl>
      ${notesSection(machine.data)}
    </main>
    <footer>A sample app, served by the simulated server ${machine.name}.</footer>`,
  )
}

function missingPage(hostname: string): Html {
  return layout(
    'Not found',
    html`<main>
      <p class="greeting">404</p>
      <h1>There is nothing here</h1>
      <p class="lead">This page of ${hostname} does not exist. <a href="/">Back to the start</a></p>
    </main>`,
  )
}

/** What Caddy sends while the app is stopped, when whoever stopped it wanted so. */
export function holdingPage({ title, message }: Holding): Response {
  const answer = troublePage(title, message, 503)
  answer.headers.set('retry-after', '300')
  return answer
}

/** A page for visitors who cannot be served, in the same look; also used by the front door. */
export function troublePage(title: string, explanation: string, status: number): Response {
  const body = html`<main><p class="greeting">${status}</p><h1>${title}</h1><p class="lead">${explanation}</p></main>`
  return page(layout(title, body, html`<link rel="icon" href="${ICON_DATA}"><style>${raw(STYLES)}</style>`), {
    status,
    // The machine that would serve the stylesheet is the one that cannot be reached.
    policy: { 'style-src': `'sha256-${STYLES_HASH}'`, 'img-src': 'data:' },
  })
}

function layout(title: string, body: Html, styles = LINKED_STYLES): Html {
  return html`<html lang="en">
    <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>${title}</title>
      ${styles}
    </head>
    <body>${body}</body>
  </html>`
}

function nameOf(hostname: string): string {
  const words = (hostname.split('.')[0] ?? '').split('-').filter((word) => word !== '')
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join(' ')
}

const STYLES = `
:root { color-scheme: light dark; --paper: #f6f4ef; --card: #fffefb; --ink: #23211c; --soft: #6a655a; --line: #e2ddd1; --accent: #2f6f62; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171613; --card: #211f1b; --ink: #f1ede3; --soft: #aaa495; --line: #37342d; --accent: #7fcab8; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; grid-template-rows: 1fr auto; justify-items: center; align-items: center;
  padding: 2rem 1.25rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 Georgia, 'Times New Roman', serif; }
main { width: min(34rem, 100%); padding: clamp(1.75rem, 6vw, 3.25rem); background: var(--card); border: 1px solid var(--line);
  border-radius: 1.25rem; box-shadow: 0 1.5rem 3rem -2rem rgb(0 0 0 / .35); }
.mark { display: grid; place-items: center; width: 3.25rem; height: 3.25rem; margin-bottom: 1.75rem; border-radius: 50%;
  background: var(--accent); color: var(--card); font-size: 1.5rem; }
.greeting { margin: 0; color: var(--soft); font-style: italic; }
h1 { margin: .15em 0 .5em; font-size: clamp(2rem, 8vw, 2.9rem); font-weight: 500; line-height: 1.1; overflow-wrap: anywhere; }
.lead { margin: 0; color: var(--soft); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1.25rem; margin: 2.25rem 0 0;
  padding-top: 1.75rem; border-top: 1px solid var(--line); font-family: system-ui, sans-serif; }
dt { color: var(--soft); font-size: .8125rem; }
dd { margin: 0; font-size: .9375rem; font-weight: 600; overflow-wrap: anywhere; }
.dot { display: inline-block; width: .55em; height: .55em; margin-right: .45em; border-radius: 50%; background: var(--accent); }
a { color: var(--accent); }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.25rem; font-weight: 500; }
ul { margin: 0 0 1rem; padding-left: 1.1rem; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .5rem; font-family: system-ui, sans-serif; }
label { flex-basis: 100%; color: var(--soft); font-size: .8125rem; }
input { flex: 1 1 12rem; padding: .5rem .7rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--paper); color: inherit; font: inherit; font-size: .9375rem; }
button { padding: .5rem 1rem; border: 0; border-radius: .5rem; background: var(--accent); color: var(--card); font: inherit; font-size: .9375rem; cursor: pointer; }
footer { padding-top: 1.5rem; color: var(--soft); font: .8125rem/1.5 system-ui, sans-serif; text-align: center; }
`

const STYLES_HASH = new Bun.CryptoHasher('sha256').update(STYLES).digest('base64')

const LINKED_STYLES = html`<link rel="icon" href="/icon.svg"><link rel="stylesheet" href="/app.css">`

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="#2f6f62"/></svg>'

const ICON_DATA = `data:image/svg+xml,${encodeURIComponent(ICON)}`
