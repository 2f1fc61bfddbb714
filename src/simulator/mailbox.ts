import { badge, count, empty, layout, moment } from './control/layout'
import { type Html, html } from './html'
import { refuseStrangers } from './loopback'
import { messageIdOf, type StoredMail } from './resend'
import type { World } from './world'

const PARTS = ['html', 'text', 'headers'] as const
type Part = (typeof PARTS)[number]

/**
 * The mailbox of everybody whom the simulated Resend has sent a mail: pages under `/mailbox`, JSON at
 * `/mailbox.json`. Resolves to null for what is not its own.
 */
export function mailboxPages(world: World): (request: Request) => Promise<Response | null> {
  return async (request) => {
    const { pathname } = new URL(request.url)
    const match = /^\/mailbox(\.json)?(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(pathname)
    if (!match) return null
    const refusal = refuseStrangers(request)
    if (refusal) return refusal
    const [, json, id, part] = match
    return answer(world, request, { json: Boolean(json), id, part })
  }
}

type Place = { json: boolean; id?: string; part?: string }

function answer(world: World, request: Request, { json, id, part }: Place): Response | null {
  const { searchParams } = new URL(request.url)
  const mails = readMails(world, searchParams.get('to') ?? '')
  const mail = mails.find((one) => one.id === id)
  switch (
    `${request.method} ${id === undefined ? 'list' : id === 'deletion' ? 'deletion' : (part ?? 'mail')}`
  ) {
    case 'GET list':
      return json ? Response.json({ mails }) : listPage(mails, searchParams.get('to') ?? '')
    case 'GET mail':
      return mail ? mailPage(mail, partOf(mail, searchParams.get('part'))) : null
    case 'GET html':
      return mail?.html ? framed(mail.html) : null
    case 'DELETE list':
      deleteAll(world)
      return new Response(null, { status: 204 })
    case 'POST deletion':
      deleteAll(world)
      return new Response(null, { status: 303, headers: { location: '/mailbox' } })
  }
  return null
}

/** The mails to an address that contains `to`, newest first. */
function readMails(world: World, to: string): StoredMail[] {
  const wanted = to.trim().toLowerCase()
  const mails = world.table<StoredMail>('resend_email').all()
  const found = mails.filter((mail) => recipientsOf(mail).some((one) => one.toLowerCase().includes(wanted)))
  return found.sort((a, b) => b.number - a.number)
}

function recipientsOf({ to, cc, bcc }: StoredMail): string[] {
  return [...to, ...cc, ...bcc]
}

function deleteAll(world: World): void {
  const mails = world.table<StoredMail>('resend_email')
  for (const { id } of mails.all()) mails.delete(id)
}

function listPage(mails: StoredMail[], to: string): Response {
  const none = to
    ? empty('No mail to an address like this.')
    : empty('No mail yet. It appears here by itself.')
  const rows = mails.map(
    (mail) => html`<li><a href="/mailbox/${mail.id}"><span><strong>${mail.subject}</strong></span>
<span class="quiet">to ${mail.to.join(', ')} from ${mail.from} at ${moment(mail.createdAtMs)}</span></a></li>`,
  )
  return layout(
    { title: 'Mailbox', current: '/mailbox' },
    html`<h1>Mailbox</h1>
<form class="row" role="search" action="/mailbox"><label for="to">Sent to</label><input type="search" id="to" name="to" value="${to}"><button>Search</button></form>
<section aria-label="Mails"><div id="mails-live" data-live><p class="quiet">${count(mails.length, 'mail')}, newest first</p>${mails.length > 0 ? html`<ul class="mails">${rows}</ul>` : none}</div></section>
<section aria-label="Empty the mailbox"><form class="row" method="post" action="/mailbox/deletion"><button class="danger">Delete all mails</button><span class="quiet">They are gone for good.</span></form></section>`,
  )
}

function mailPage(mail: StoredMail, part: Part): Response {
  const tabs = PARTS.map((name) => {
    const mark = name === part ? html` aria-current="page"` : null
    return html`<li><a href="/mailbox/${mail.id}?part=${name}"${mark}>${TITLES[name]}</a></li>`
  })
  return layout(
    { title: mail.subject, current: '/mailbox' },
    html`<p><a href="/mailbox">All mails</a></p><article class="mail"><h1>${mail.subject}</h1>
<dl><dt>From</dt><dd>${mail.from}</dd><dt>To</dt><dd>${mail.to.join(', ')}</dd><dt>Sent</dt><dd>${moment(mail.createdAtMs)} UTC ${badge('delivered')}</dd></dl>
<nav aria-label="Parts of the mail"><ul class="tabs">${tabs}</ul></nav>${partOfPage(mail, part)}</article>`,
  )
}

const TITLES: Record<Part, string> = { html: 'HTML', text: 'Text', headers: 'Headers' }

function partOf(mail: StoredMail, asked: string | null): Part {
  return PARTS.find((part) => part === asked) ?? (mail.html ? 'html' : 'text')
}

function partOfPage(mail: StoredMail, part: Part): Html {
  if (part === 'headers') return html`<pre tabindex="0">${headersOf(mail)}</pre>`
  if (part === 'text')
    return mail.text ? html`<pre tabindex="0">${linked(mail.text)}</pre>` : empty('It has no text.')
  if (!mail.html) return empty('It has no HTML.')
  // Neither scripts nor our origin: a mail's markup is a stranger's. Its links open as ordinary new pages.
  return html`<iframe title="The mail as HTML" src="/mailbox/${mail.id}/html" sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>`
}

function headersOf(mail: StoredMail): string {
  const lines: [string, string][] = [
    ['From', mail.from],
    ['To', mail.to.join(', ')],
    ['Cc', mail.cc.join(', ')],
    ['Bcc', mail.bcc.join(', ')],
    ['Reply-To', mail.reply_to.join(', ')],
    ['Subject', mail.subject],
    ['Date', new Date(mail.createdAtMs).toUTCString()],
    ['Message-ID', messageIdOf(mail)],
    ...Object.entries(mail.headers),
    ['Idempotency-Key (of the API call)', mail.idempotencyKey ?? ''],
  ]
  return lines.flatMap(([name, value]) => (value ? `${name}: ${value}` : [])).join('\n')
}

/** The text with its web addresses as links. */
function linked(text: string): Html[] {
  return text.split(/(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/).map((piece, index) => {
    if (index % 2 === 0) return html`${piece}`
    return html`<a href="${piece}" target="_blank" rel="noreferrer">${piece}</a>`
  })
}

function framed(markup: string): Response {
  const policy = [
    'sandbox allow-popups allow-popups-to-escape-sandbox',
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    'img-src data: http: https:',
    "frame-ancestors 'self'",
  ]
  return new Response(withNewTabs(markup), {
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    },
  })
}

function withNewTabs(markup: string): string {
  const base = '<base target="_blank">'
  if (/<head[^>]*>/i.test(markup)) return markup.replace(/<head[^>]*>/i, (head) => head + base)
  return markup.replace(/^(\s*<!doctype[^>]*>)?/i, (doctype) => doctype + base)
}
