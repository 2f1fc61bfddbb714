import { afterAll, describe, expect, test } from 'bun:test'
import { networkOf } from '../src/accounts/rate-limit'
import { type Environment, readConfig, VARIABLES } from '../src/config'
import { containing } from '../src/db/page'
import { Log } from '../src/log'
import { readCookies } from '../src/routes/request'
import { verifySigned } from '../src/secrets'
import { createSignup } from '../src/signups/signup'
import { judgeForm, normalizeSubdomain, SUBDOMAIN_CHARS_MAX } from '../src/signups/subdomain'
import { openStage } from './stage'

const SMALL = 1_024
const LARGE = 65_536
// Linear work takes 64 times as long; what is quadratic takes 4,096 times.
const GROWTH_MAX = 64 * 10

/** How many times longer `work` takes for 64 KB of `unit` than for 1 KB. */
function growth(work: (text: string) => unknown, unit: string): number {
  const fastest = (size: number) => {
    const text = unit.repeat(Math.ceil(size / unit.length))
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 4; round++) {
      const startedAt = performance.now()
      for (let i = 0; i < 4; i++) work(text)
      best = Math.min(best, performance.now() - startedAt)
    }
    // Below this the clock itself is what one measures.
    return Math.max(best, 0.02)
  }
  return fastest(LARGE) / fastest(SMALL)
}

const stage = openStage()
afterAll(() => stage.close())

function signup(input: Partial<{ subdomain: string; email: string; plan: string }>): void {
  const { db, catalog } = stage.services
  const whole = { subdomain: '!', email: '', plan: '', ...input }
  expect(() => db.write((tx) => createSignup(tx, whole, { id: 'visitor' }, 0, catalog.front))).toThrow()
}

function configure(text: string): void {
  const env: Environment = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, `${text}!`]))
  expect(() => readConfig(env)).toThrow()
}

const log = new Log(
  () => 0,
  () => {},
)
log.hide('a-secret-of-some-length', `-----BEGIN X-----\n${'b'.repeat(70)}\n-----END X-----`)

const VALIDATORS: [string, (text: string) => unknown][] = [
  ['a name', (text) => judgeForm(normalizeSubdomain(text))],
  ['an address', (text) => signup({ email: text })],
  ['an address’s first half', (text) => signup({ email: `${text}@example.com` })],
  ['an address’s second half', (text) => signup({ email: `a@${text}` })],
  ['a plan', (text) => signup({ plan: text })],
  ['cookies', readCookies],
  ['a signed link', (text) => verifySigned('secret', 'signup', text)],
  ['an IP address', networkOf],
  ['a search', containing],
  ['a line of the log', (text) => log.redact(text)],
  ['the configuration', configure],
]

const UNITS = [
  'a',
  '-',
  'a-',
  '0',
  '@',
  'a@a.',
  'a.',
  ' ',
  '\n',
  '<',
  'é',
  '\0',
  '"',
  '\\',
  '=',
  'a=b;',
  '%',
  ':',
  '/',
  'b-----',
]

describe.each(VALIDATORS)('64 KB as %s', (_, work) => {
  test('take time in proportion, whatever they are made of', () => {
    const slow = UNITS.filter((unit) => growth(work, unit) > GROWTH_MAX)
    expect(slow).toEqual([])
  })
})

test('the measure notices a check that goes over its input again and again', () => {
  const careless = (text: string) => {
    let found = 0
    for (let at = 0; at < text.length; at++) if (text.includes('!', at)) found++
    return found
  }
  expect(growth(careless, 'a')).toBeGreaterThan(GROWTH_MAX)
})

test('a name that passes fits wherever it goes: a DNS label, a server’s name, a label at Hetzner', () => {
  expect(SUBDOMAIN_CHARS_MAX + '-123456'.length).toBeLessThanOrEqual(63)
})
