import { type Html, html, page } from '../html'

export type Layout = {
  title: string
  /** The path of the entry in the navigation that is shown as current. */
  current: string
  status?: number
}

const NAVIGATION = [
  ['/', 'Overview'],
  ['/control/faults', 'Faults'],
  ['/control/calls', 'Calls'],
  ['/mailbox', 'Mailbox'],
] as const

// Its own script only refreshes what is marked `data-live`; without it the pages work the same after a reload.
const POLICY = { 'script-src': "'self'", 'connect-src': "'self'", 'frame-src': "'self'" }

/** A whole page of the simulator, with navigation. */
export function layout({ title, current, status }: Layout, body: Html): Response {
  const links = NAVIGATION.map(([href, name]) => {
    const mark = href === current ? html` aria-current="page"` : null
    return html`<li><a href="${href}"${mark}>${name}</a></li>`
  })
  const document = html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Simulator</title>
<link rel="icon" href="/control/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/control/styles.css">
<script src="/control/live.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top"><p class="brand">Atlas <span>simulator</span></p><nav aria-label="Simulator"><ul>${links}</ul></nav></header>
<main id="main">${body}</main>
</body>
</html>`
  return page(document, { status, policy: POLICY })
}

/** A moment in simulated time: the clock's digits, and the whole of it on hover. */
export function moment(atMs: number): Html {
  const iso = new Date(atMs).toISOString()
  return html`<time datetime="${iso}" title="${iso}">${iso.slice(11, 19)}</time>`
}

/** One of the quiet words that say what state something is in. */
export function badge(word: string): Html {
  return html`<span class="badge" data-tone="${toneOf(word)}">${word}</span>`
}

/** A table that scrolls by itself on a narrow screen. */
export function table(heads: string[], rows: Html[]): Html {
  const columns = heads.map((head) => html`<th scope="col">${head}</th>`)
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${heads[0]} table"><table><thead><tr>${columns}</tr></thead><tbody>${rows}</tbody></table></div>`
}

/** What stands in the place of a list that has nothing. */
export function empty(sentence: string): Html {
  return html`<p class="empty">${sentence}</p>`
}

/** A number and its noun, such as `2 servers`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function toneOf(word: string): string {
  if (/^(running|active|insync|delivered|2\d\d)\b/i.test(word)) return 'good'
  if (/^(off|failed|canceled|unpaid|killed|lost|absent|[45]\d\d)\b/i.test(word)) return 'bad'
  return 'busy'
}
