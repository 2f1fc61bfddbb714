import { accentButton } from '../accent'
import { type Child, type Html, jsx, raw } from '../jsx-runtime'

type Mail = {
  subject: string
  title: string
  /** Who writes, at the foot. */
  from: string
  /** The button's colour. */
  accent: string
  blocks: Block[]
}

export type Email = { subject: string; html: string; text: string }

/** One part of a mail; every part has a form in HTML and a form in text. */
export type Block =
  | { kind: 'paragraph'; text: string }
  | { kind: 'note'; text: string }
  | { kind: 'link'; label: string; url: string }
  | { kind: 'facts'; facts: { name: string; value: string }[] }

/**
 * A mail in HTML and in text from the same blocks. Throws a TypeError for a subject with a control character
 * (it could smuggle in headers), a link that is not http or https, or an accent that is not a colour.
 */
export function composeEmail(mail: Mail): Email {
  if (/\p{Cc}/u.test(mail.subject)) throw new TypeError('A subject is one line')
  for (const block of mail.blocks) {
    if (block.kind === 'link' && !/^https?:\/\//.test(block.url))
      throw new TypeError('A mail links to http(s)')
  }
  return { subject: mail.subject, html: String(<EmailDocument {...mail} />), text: emailText(mail) }
}

function emailText({ title, from, blocks }: Mail): string {
  return `${[title, ...blocks.map(blockText)].join('\n\n')}\n\n-- \n${from}\n`
}

function blockText(block: Block): string {
  if (block.kind === 'link') return `${block.label}:\n${block.url}`
  if (block.kind === 'facts') return block.facts.map(({ name, value }) => `${name}: ${value}`).join('\n')
  return block.text
}

function EmailDocument(mail: Mail): Html {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{mail.subject}</title>
          {raw(`<style>${DARK}</style>`)}
        </head>
        {styled('body', 'page', [
          styled('div', 'card', [
            styled('h1', 'title', mail.title),
            mail.blocks.map((block) => blockHtml(block, mail.accent)),
          ]),
          styled('p', 'footer', mail.from),
        ])}
      </html>
    </>
  )
}

function blockHtml(block: Block, accent: string): Html {
  switch (block.kind) {
    case 'paragraph':
      return styled('p', 'text', block.text)
    case 'note':
      return styled('p', 'note', block.text)
    case 'link':
      return (
        <>
          {styled('p', 'text', button(block, accent))}
          {styled('p', 'note', ['Or open: ', styled('a', 'link', block.url, { href: block.url })])}
        </>
      )
    case 'facts':
      return styled(
        'ul',
        'facts',
        block.facts.map(({ name, value }) => styled('li', 'fact', [`${name}: `, <strong>{value}</strong>])),
      )
  }
}

function button({ label, url }: { label: string; url: string }, accent: string): Html {
  const { ground, text } = accentButton(accent)
  return styled('a', 'button', label, { href: url }, `background:${ground};color:${text};`)
}

/**
 * An element with one of the styles below. Mail programs drop stylesheets, so mails alone carry styles in
 * attributes: constants of this file, set after the runtime has escaped everything else.
 */
function styled(
  tag: string,
  name: keyof typeof STYLES,
  children: Child,
  props: { href?: string } = {},
  colours = '',
): Html {
  const html = String(jsx(tag, { class: name, ...props, children }))
  return raw(`<${tag} style="${colours}${STYLES[name]}"${html.slice(tag.length + 1)}`)
}

const SANS = '-apple-system,BlinkMacSystemFont,Segoe UI,Roboto,Helvetica,Arial,sans-serif'

const STYLES = {
  page: `margin:0;padding:32px 16px;background:#f2f0ea;color:#1b1a17;font:16px/1.55 ${SANS}`,
  card: 'max-width:520px;margin:0 auto;padding:32px;background:#ffffff;border:1px solid #e5e1d8;border-radius:14px',
  title: 'margin:0 0 16px;font-size:24px;line-height:1.25;letter-spacing:-0.01em;color:#1b1a17',
  text: 'margin:0 0 16px;color:#1b1a17',
  note: 'margin:0 0 16px;font-size:14px;color:#6a6459;word-break:break-word',
  button: 'display:inline-block;padding:12px 22px;border-radius:10px;font-weight:600;text-decoration:none',
  link: 'color:#6a6459',
  facts: 'margin:0 0 16px;padding:12px 16px;list-style:none;background:#f2f0ea;border-radius:10px',
  fact: 'margin:4px 0;color:#1b1a17;word-break:break-word',
  footer: 'max-width:520px;margin:16px auto 0;font-size:13px;color:#6a6459;text-align:center',
} as const

const DARK = `@media (prefers-color-scheme:dark){
.page,.facts{background:#151412!important}
.card{background:#1d1c19!important;border-color:#35322c!important}
.title,.text,.fact{color:#f3f0e9!important}
.note,.link,.footer{color:#a39c8f!important}
}`
