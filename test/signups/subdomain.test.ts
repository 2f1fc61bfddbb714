import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { getPlan } from '../../src/catalog/plans'
import { tenants } from '../../src/db/schema'
import { createTenant } from '../../src/lifecycle/new-tenant'
import { RESERVED_NAMES } from '../../src/signups/reserved-names'
import { createSignup, getSignup } from '../../src/signups/signup'
import {
  judgeForm,
  judgeSubdomain,
  NAME_REST_MS,
  namesKept,
  normalizeSubdomain,
  skeletonOf,
} from '../../src/signups/subdomain'
import { openStage, type Stage } from '../stage'

const reasonFor = (name: string, reserved: string[] = []) => {
  const verdict = judgeForm(normalizeSubdomain(name), reserved)
  return verdict.ok ? 'ok' : verdict.reason
}

describe('the form of a name', () => {
  test.each([
    'ada',
    'ada-lovelace',
    'a1b2c3',
    'x-1',
    '1password',
    `a${'b'.repeat(31)}`,
    'modern-times',
    'burn',
    'click',
    'notes-2026',
  ])('%s is one', (name) => {
    expect(reasonFor(name)).toBe('ok')
  })

  test.each([
    '',
    'a',
    'ab',
    '-ada',
    'ada-',
    '-',
    '---',
    'ada--lovelace',
    'xn--80ak6aa92e',
    'xn--ada',
    '12345',
    'a'.repeat(33),
    'a'.repeat(64),
    'a'.repeat(65_536),
    'ada.lovelace',
    'ada.',
    '.ada',
    'ada lovelace',
    'ada_lovelace',
    'ada/x',
    'ada\\x',
    'ada@x',
    'ada:80',
    'ada?x',
    'ada#x',
    'ada%2e',
    '*',
    '*.ada',
    'ada;rm',
    '$(id)',
    '`id`',
    '-oProxyCommand=x',
    'ada\0x',
    'ada\nx',
    'ada\r\nHost: x',
    'ada\u202egpj',
    'ada\u200bx',
    'аdа',
    'ådа',
    'ada\u0301x',
    'ａｄａ',
    'ada。x',
    '日本語',
    '😀😀😀',
    'ß-ss',
    'İstan',
    'ſave',
    'ⅰⅱⅲ',
    '①②③',
  ])('%j is none', (name) => {
    expect(reasonFor(name)).toBe('malformed')
  })

  test('is a DNS label, or it is refused: whatever is typed', () => {
    const typed = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.stringMatching(/^[A-Za-z0-9. _-]{0,40}$/),
    )
    fc.assert(
      fc.property(typed, (text) => {
        const name = normalizeSubdomain(text)
        const verdict = judgeForm(name)
        // A word such as `name` may stand in the sentence by chance.
        const mayBeChance = name.length <= 2 || /^[a-z]+$/.test(name)
        if (!verdict.ok) return verdict.words.length > 10 && (mayBeChance || !verdict.words.includes(name))
        return /^[a-z0-9](?:[a-z0-9]|-(?!-)){1,30}[a-z0-9]$/.test(name) && /[a-z]/.test(name)
      }),
      { numRuns: 3_000 },
    )
  })

  test('is judged the same however it is spaced and capitalised', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9-]{1,35}$/), (name) => {
        const spelled = ` \t${name.toUpperCase()}\n`
        return reasonFor(spelled) === reasonFor(name) && normalizeSubdomain(spelled) === name
      }),
    )
  })
})

describe('reserved names', () => {
  test('are about three hundred or more, each of which could be asked for', () => {
    expect(RESERVED_NAMES.size).toBeGreaterThan(300)
    for (const name of RESERVED_NAMES) expect(name).toMatch(/^[a-z0-9-]{1,32}$/)
  })

  test('are all refused, and so is every simple disguise of the longer ones', () => {
    for (const name of RESERVED_NAMES) {
      if (name.length >= 3 && !/^\d+$/.test(name)) expect(reasonFor(name)).toBe('reserved')
      expect(reasonFor(name)).not.toBe('ok')
      expect(reasonFor(name.toUpperCase())).not.toBe('ok')
      if (name.length < 4) continue
      const disguises = [
        name.replace('o', '0'),
        name.replace('l', '1'),
        name.replace('i', '1'),
        name.replace('e', '3'),
        name.replace('s', '5'),
        name.replace('m', 'rn'),
        name.replace('w', 'vv'),
        name.replace('d', 'cl'),
        `${name[0]}-${name.slice(1)}`,
        name.replaceAll('o', '0').replaceAll('e', '3').replaceAll('l', '1'),
      ]
      for (const disguise of disguises) expect([disguise, reasonFor(disguise)]).not.toEqual([disguise, 'ok'])
    }
  })

  test('of mail, certificates, name servers and sign-in are among them', () => {
    const needed =
      'admin administrator www mail smtp imap mx ns1 ns2 autodiscover autoconfig wpad isatap localhost api login signup billing support security abuse postmaster hostmaster webmaster noreply root status cdn stripe'
    for (const name of needed.split(' ')) expect(RESERVED_NAMES).toContain(name)
  })

  test('of the blueprint count too, disguised or not', () => {
    expect(reasonFor('journal', ['journal'])).toBe('reserved')
    expect(reasonFor('j0urnal', ['journal'])).toBe('look_alike')
    expect(reasonFor('journal')).toBe('ok')
  })

  test('are Atlas’s own name too, when it lives under the tenants’ domain', () => {
    const stage = openStage({ baseUrl: 'https://cockpit.sites.example.net' })
    expect(namesKept(stage.services)).toContain('cockpit')
    expect(judgeSubdomain(stage.services.db.read, 'cockpit', 0, namesKept(stage.services))).toMatchObject({
      reason: 'reserved',
    })
    stage.services.settings.baseUrl = 'https://a.b.cockpit.sites.example.net'
    expect(namesKept(stage.services)).toContain('cockpit')
    stage.services.settings.baseUrl = 'https://cockpit.example.com'
    expect(namesKept(stage.services)).not.toContain('cockpit')
  })
})

describe('look-alikes', () => {
  test.each([
    ['paypal', 'paypa1'],
    ['modern', 'modem'],
    ['vvest', 'west'],
    ['close', 'd0se'],
    ['c1oud', 'cloud'],
    ['bell-5', 'be11-s'],
    ['ada-lovelace', 'adalovelace'],
    ['alice', 'al1ce'],
  ])('%s and %s have one skeleton', (one, other) => {
    expect(skeletonOf(one)).toBe(skeletonOf(other))
  })

  test('the skeleton of a skeleton is itself, so it can be stored and compared', () => {
    fc.assert(fc.property(fc.stringMatching(/^[a-z0-9-]{1,32}$/), (name) => !skeletonOf(name).includes('-')))
  })
})

describe('a name that somebody has or had', () => {
  let stage: Stage
  const verdict = (name: string) => {
    const found = judgeSubdomain(stage.services.db.read, name, stage.clock.now())
    return found.ok ? 'ok' : found.reason
  }
  beforeAll(() => {
    stage = openStage()
  })
  afterAll(() => stage.close())

  test('is taken while a signup is pending, paid or approved, and its look-alikes are refused', async () => {
    stage.signup('mill-one')
    await stage.paidSignup('mill-two')
    await stage.tenant('mill-three')
    for (const name of ['mill-one', 'mill-two', 'mill-three']) expect(verdict(name)).toBe('taken')
    for (const name of ['mi11-one', 'rnill-two', 'millthree']) expect(verdict(name)).toBe('look_alike')
    expect(verdict('mill-four')).toBe('ok')
  })

  test('is free again when its signup was not paid in time', () => {
    const id = stage.signup('brief-hold')
    expect(verdict('brief-hold')).toBe('taken')
    stage.services.db.sqlite.run("UPDATE signups SET status = 'expired' WHERE id = ?", [id])
    expect(verdict('brief-hold')).toBe('ok')
  })

  test('rests for 90 days after a tenant that was live, and so do its look-alikes', async () => {
    await wasDeleted('was-live', true)
    expect(verdict('was-live')).toBe('deleted_lately')
    expect(verdict('was-1ive')).toBe('deleted_lately')
    stage.clock.advance(NAME_REST_MS - 1)
    expect(verdict('was-live')).toBe('deleted_lately')
    stage.clock.advance(1)
    expect(verdict('was-live')).toBe('ok')
    expect(verdict('was-1ive')).toBe('ok')
  })

  test('does not rest after one that nobody ever visited', async () => {
    await wasDeleted('never-live', false)
    expect(verdict('never-live')).toBe('ok')
  })

  /** A tenant of a signup that is over, deleted now. */
  async function wasDeleted(name: string, wasLive: boolean): Promise<void> {
    const { db } = stage.services
    const signup = getSignup(db.read, await stage.paidSignup(name))
    const now = stage.clock.now()
    const tenant = db.write((tx) =>
      createTenant(
        tx,
        stage.services,
        { ...signup, organizationId: signup.organizationId! },
        getPlan(tx, signup.planId),
        now,
      ),
    )
    db.sqlite.run("UPDATE signups SET status = 'refunded' WHERE id = ?", [signup.id])
    if (wasLive)
      db.sqlite.run("UPDATE tenants SET status = 'active', activated_at = ? WHERE id = ?", [now, tenant.id])
    for (const status of wasLive ? ['deleting', 'deleted'] : ['failed', 'deleting', 'deleted']) {
      db.sqlite.run('UPDATE tenants SET status = ?, deleted_at = ? WHERE id = ?', [status, now, tenant.id])
    }
    expect(
      db.read
        .select()
        .from(tenants)
        .all()
        .find(({ id }) => id === tenant.id)?.status,
    ).toBe('deleted')
  }
})

test('the name is checked inside the transaction that takes it', () => {
  const stage = openStage()
  const { db, catalog } = stage.services
  const input = { subdomain: 'one-name', email: 'ada@example.com', plan: 'starter' }
  const take = () => db.write((tx) => createSignup(tx, input, { id: 'visitor' }, 0, catalog.front))
  take()
  expect(take).toThrow('Some fields need another look.')
  // And if a check were ever forgotten, the index holds.
  const again =
    "INSERT INTO signups (id, status, subdomain, skeleton, email, plan_id, created_at, updated_at) SELECT 'x', status, subdomain, skeleton, email, plan_id, 0, 0 FROM signups"
  expect(() => db.sqlite.run(again)).toThrow('UNIQUE')
})
