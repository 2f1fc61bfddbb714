import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { backupsAgain, backupsOverdue } from '../../views/emails/backups'
import { composeEmail } from '../../views/emails/email'
import { outage, outageOver, tenantDown, tenantUp } from '../../views/emails/health'
import { loginLink } from '../../views/emails/login-link'
import { operatorNotice } from '../../views/emails/operator-notice'
import { rolloutNews } from '../../views/emails/rollout'
import { unpaidNotice } from '../../views/emails/unpaid-notice'
import { welcome } from '../../views/emails/welcome'
import { elementsOf, unescaped } from './dom'

const NASTY = '"><img src=x onerror=alert(1)></style><script>alert(1)</script>'

const HEALTH = { url: 'https://atlas.example/admin/health', accent: '#5b4bd6' }

const MAILS = [
  [
    'welcome',
    (text: string) =>
      welcome({
        shopName: `Virtues${text}`,
        accent: '#5b4bd6',
        siteUrl: 'https://ada.virtues.example/',
        planName: `Starter${text}`,
        supportEmail: `help@virtues.example${text}`,
      }),
    'https://ada.virtues.example/',
  ],
  [
    'login link',
    (text: string) =>
      loginLink({
        url: `https://atlas.example/login/confirm?token=${encodeURIComponent(text)}`,
        minutes: 15,
        accent: '#5b4bd6',
      }),
    'https://atlas.example/login/confirm?token=',
  ],
  [
    'operator notice',
    (text: string) =>
      operatorNotice({
        title: `ada could not be provisioned${text}`,
        message: `The zone is gone.${text}`,
        actionLabel: `Open the run${text}`,
        actionUrl: 'https://atlas.example/admin/runs/run_01',
        accent: '#5b4bd6',
      }),
    'https://atlas.example/admin/runs/run_01',
  ],
  [
    'unpaid notice',
    (text: string) =>
      unpaidNotice({
        name: `ada${text}`,
        customerEmail: `ada@example.com${text}`,
        price: { amount: 2900, currency: 'usd' },
        suspendsAt: Date.UTC(2026, 10, 29, 12),
        url: 'https://atlas.example/admin/tenants/ten_01',
        accent: '#5b4bd6',
      }),
    'https://atlas.example/admin/tenants/ten_01',
  ],
  [
    'tenant down',
    (text: string) =>
      tenantDown({
        ...HEALTH,
        name: `ada${text}`,
        address: `ada.virtues.example${text}`,
        since: 0,
        reason: `It answers with status 502.${text}`,
        isEverybody: true,
      }),
    HEALTH.url,
  ],
  [
    'tenant up',
    (text: string) =>
      tenantUp({ ...HEALTH, name: `ada${text}`, address: `ada.virtues.example${text}`, downMs: 720_000 }),
    HEALTH.url,
  ],
  [
    'backups overdue',
    (text: string) => {
      const examples = [
        { name: `ada${text}`, latestAt: 0, reason: `A dump failed.${text}` },
        { name: `grace${text}`, latestAt: null, reason: '' },
      ]
      return backupsOverdue({ ...HEALTH, count: 7, examples })
    },
    HEALTH.url,
  ],
  [
    'backups again',
    (text: string) =>
      backupsAgain({ ...HEALTH, count: 1, examples: [{ name: `ada${text}`, latestAt: 0, reason: '' }] }),
    HEALTH.url,
  ],
  [
    'outage',
    (text: string) => {
      const examples = [{ name: `ada${text}`, reason: `No answer within 5 s.${text}` }]
      return outage({ ...HEALTH, count: 40, since: 0, examples, isEverybody: false })
    },
    HEALTH.url,
  ],
  [
    'outage over',
    (text: string) =>
      outageOver({ ...HEALTH, count: 38, downMs: 720_000, stillDown: [`ada${text}`, 'grace'] }),
    HEALTH.url,
  ],
  [
    'rollout',
    (text: string) =>
      rolloutNews({
        tag: `v43${text}`,
        outcome: 'rolled_back',
        canGoBack: true,
        reason: `It stopped by itself: 2 tenants failed by wave 2 of 4.${text}`,
        counts: { running: 0, back: 9, failed: 12, setAside: 1 },
        failures: [{ name: `ada${text}`, reason: `The app did not become healthy.${text}` }],
        tookMs: 720_000,
        url: 'https://atlas.example/admin/rollouts/rol_01',
        accent: '#5b4bd6',
      }),
    'https://atlas.example/admin/rollouts/rol_01',
  ],
] as const

describe.each(MAILS)('the mail %s', (_, write, url) => {
  const mail = write('')

  test('has a subject and says the same in HTML and in text, the link in both', () => {
    expect(mail.subject.length).toBeGreaterThan(5)
    const links = elementsOf(mail.html).filter(({ tag }) => tag === 'a')
    for (const link of links) expect(unescaped(link.attributes.get('href') ?? '')).toBe(url)
    // Once as a button, once spelled out for those whose program shows no buttons.
    expect(links.map((link) => unescaped(link.text)).filter((text) => text === url)).toHaveLength(1)
    expect(links).toHaveLength(2)
    expect(mail.text.split('\n')).toContain(url)
    expect(mail.text).not.toMatch(/<[a-z]/)
  })

  test('lets no markup in', () => {
    const tags = (html: string) =>
      elementsOf(html).map(({ tag, attributes }) => `${tag} ${[...attributes.keys()]}`)
    expect(tags(write(NASTY).html)).toEqual(tags(mail.html))
  })

  test('loads nothing and runs nothing', () => {
    expect(
      elementsOf(mail.html).filter(({ tag }) => ['script', 'img', 'link', 'iframe'].includes(tag)),
    ).toEqual([])
    expect(mail.html).not.toContain('url(')
  })
})

describe('a mail is refused', () => {
  const parts = { title: 'T', from: 'F', accent: '#5b4bd6', blocks: [] }

  test('when its subject could smuggle in a header', () => {
    const control = fc.integer({ min: 0, max: 31 }).map((code) => String.fromCharCode(code))
    fc.assert(
      fc.property(fc.string(), control, fc.string(), (before, character, after) => {
        expect(() => composeEmail({ ...parts, subject: `${before}${character}${after}` })).toThrow(TypeError)
      }),
    )
    expect(composeEmail({ ...parts, subject: 'Grüße, “Ada”' }).subject).toBe('Grüße, “Ada”')
  })

  test('when it links to something other than the web', () => {
    for (const url of ['javascript:alert(1)', 'data:text/html,x', 'ftp://a.example/', '/login']) {
      const blocks = [{ kind: 'link' as const, label: 'Open', url }]
      expect(() => composeEmail({ ...parts, subject: 'S', blocks })).toThrow(TypeError)
    }
  })

  test('when its accent is not a colour', () => {
    const blocks = [{ kind: 'link' as const, label: 'Open', url: 'https://a.example/' }]
    const accent = '#fff;position:fixed'
    expect(() => composeEmail({ ...parts, subject: 'S', accent, blocks })).toThrow(TypeError)
  })
})
