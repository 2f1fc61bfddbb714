import { describe, expect, test } from 'bun:test'
import { broughtBack, deleted, deletionBegun } from '../../views/emails/deletion'
import { planChangeBegun, planChanged, planKept } from '../../views/emails/plan-change'
import { resumed, type SiteNewsProps, suspended } from '../../views/emails/site-news'
import { elementsOf, unescaped } from './dom'

const NASTY = '"><img src=x onerror=alert(1)></style><script>alert(1)</script>'
const UNTIL = Date.UTC(2026, 10, 29, 12, 30)

const siteOf = (text = ''): SiteNewsProps => ({
  shopName: `Virtues${text}`,
  accent: '#5b4bd6',
  siteUrl: 'https://ada.virtues.example/',
  supportEmail: `help@virtues.example${text}`,
})

type Write = (text: string) => ReturnType<typeof resumed>
const MAILS: [name: string, write: Write, says: string, isUp: boolean][] = [
  [
    'suspended',
    (text) => suspended({ ...siteOf(text), because: 'operator' }),
    'Virtues has suspended your site',
    false,
  ],
  [
    'suspended, unpaid',
    (text) => suspended({ ...siteOf(text), because: 'unpaid' }),
    'comes back when it is paid',
    false,
  ],
  [
    'suspended, canceled',
    (text) => suspended({ ...siteOf(text), because: 'canceled' }),
    'subscription has ended',
    false,
  ],
  ['resumed', (text) => resumed(siteOf(text)), 'Your site runs again', true],
  [
    'plan change begun',
    (text) => planChangeBegun(`Pro${text}`, 5)(siteOf(text)),
    'for about 5 minutes',
    false,
  ],
  [
    'plan change begun, short',
    (text) => planChangeBegun(`Pro${text}`, 1)(siteOf(text)),
    'for about a minute',
    false,
  ],
  ['plan changed', (text) => planChanged(`Pro${text}`)(siteOf(text)), 'answers again', true],
  ['plan kept', (text) => planKept(`Starter${text}`)(siteOf(text)), 'as before', true],
  ['deletion begun', (text) => deletionBegun(UNTIL)(siteOf(text)), '29 November 2026 at 12:30 UTC', false],
  ['deletion begun, at once', (text) => deletionBegun(null)(siteOf(text)), 'is being deleted now', false],
  ['brought back', (text) => broughtBack(siteOf(text)), 'not going to be deleted', false],
  ['deleted', (text) => deleted(siteOf(text)), 'are gone', false],
]

describe.each(MAILS)('the mail “%s”', (_, write, says, isUp) => {
  const mail = write('')

  test('names the site, says what happened in HTML and in text, and whom to ask', () => {
    expect(mail.subject).toContain('ada.virtues.example')
    for (const body of [mail.text, unescaped(mail.html.replace(/<[^>]+>/g, ''))]) {
      expect(body).toContain(says)
      expect(body).toContain('help@virtues.example')
    }
    expect(mail.text).not.toMatch(/<[a-z]/)
  })

  test('leads to the site only when it answers', () => {
    const links = elementsOf(mail.html).flatMap(({ attributes }) => attributes.get('href') ?? [])
    expect(new Set(links)).toEqual(new Set(isUp ? ['https://ada.virtues.example/'] : []))
  })

  test('lets no markup in', () => {
    const tags = (html: string) =>
      elementsOf(html).map(({ tag, attributes }) => `${tag} ${[...attributes.keys()]}`)
    expect(tags(write(NASTY).html)).toEqual(tags(mail.html))
  })
})
