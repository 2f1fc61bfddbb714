import { describe, expect, test } from 'bun:test'
import { runTitle } from '../../views/admin/run-list'
import { adviceFor, runSentence } from '../../views/admin/run-words'
import { moneyList, moneyText } from '../../views/components/money'
import { countWords, listHref, Pager } from '../../views/components/pager'
import { durationWords, relativeTime, roughDuration, Time } from '../../views/components/time'
import { atlasFavicon, initial, shopFavicon } from '../../views/favicon'
import { SubdomainHint } from '../../views/signup/subdomain-hint'
import { elementsOf } from './dom'
import { NOW, run, runFailed } from './samples'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

describe('times', () => {
  test.each([
    [0, 'just now'],
    [-4 * SECOND, 'just now'],
    [-12 * SECOND, '12 s ago'],
    [-3 * MINUTE - 59 * SECOND, '3 min ago'],
    [-5 * HOUR, '5 h ago'],
    [-DAY, '1 day ago'],
    [-6 * DAY, '6 days ago'],
    [-7 * DAY, '15 Nov 2026'],
    [24 * MINUTE, 'in 24 min'],
    [7 * DAY - MINUTE, 'in 7 days'],
    [6 * DAY + 11 * HOUR, 'in 6 days'],
    [23 * HOUR + 40 * MINUTE, 'in 1 day'],
    [59 * MINUTE + 31 * SECOND, 'in 1 h'],
    [89 * MINUTE, 'in 1 h'],
    [30 * DAY, '22 Dec 2026'],
  ])('%p ms from now is %p', (distance, words) => {
    expect(relativeTime(NOW + distance, NOW)).toBe(words)
  })

  test('carry the exact moment for machines and on hover', () => {
    expect(String(Time({ at: NOW - MINUTE, now: NOW }))).toBe(
      '<time datetime="2026-11-22T11:59:00.000Z" title="2026-11-22 11:59:00 UTC">1 min ago</time>',
    )
  })

  test.each([
    [-5, '0 ms'],
    [40, '40 ms'],
    [840, '0.8 s'],
    [12_900, '12 s'],
    [65_000, '1 min 05 s'],
    [2 * HOUR + 3 * MINUTE, '2 h 03 min'],
    [47 * HOUR, '47 h 00 min'],
    [7 * DAY - MINUTE, '6 d 23 h'],
  ])('%p ms took %p', (ms, words) => {
    expect(durationWords(ms)).toBe(words)
  })

  test.each([
    [0, '5 s'],
    [31_000, '35 s'],
    [59_000, '1 min'],
    [61_000, '2 min'],
    [10 * MINUTE, '10 min'],
    [71 * MINUTE - 1, '1 h 11 min'],
  ])('%p ms takes about %p', (ms, words) => {
    expect(roughDuration(ms)).toBe(words)
  })
})

describe('money', () => {
  test.each([
    [2900, 'usd', '$29'],
    [2950, 'usd', '$29.50'],
    [512_400, 'usd', '$5,124'],
    [2900, 'jpy', '¥2,900'],
    [0, 'eur', '€0'],
  ])('%p minor units of %p are %p', (amount, currency, words) => {
    expect(moneyText({ amount, currency })).toBe(words)
  })

  test('in several currencies stands side by side', () => {
    expect(moneyList([])).toBe('0')
    expect(
      moneyList([
        { amount: 2900, currency: 'usd' },
        { amount: 100, currency: 'eur' },
      ]),
    ).toBe('$29 + €1')
  })
})

describe('lists', () => {
  test.each([
    [{ number: 1, size: 50, total: 0 }, 'No tenants'],
    [{ number: 1, size: 50, total: 1 }, '1 tenant'],
    [{ number: 1, size: 50, total: 50 }, '50 tenants'],
    [{ number: 2, size: 50, total: 1234 }, '51 to 100 of 1,234 tenants'],
    [{ number: 25, size: 50, total: 1234 }, '1,201 to 1,234 of 1,234 tenants'],
  ])('%p is counted as %p', (page, words) => {
    expect(countWords(page, 'tenant', 'tenants')).toBe(words)
  })

  test('links keep the filters and drop what is empty', () => {
    expect(listHref('/admin/tenants', { q: 'a&b=c', status: '', plan: undefined })).toBe(
      '/admin/tenants?q=a%26b%3Dc',
    )
    expect(listHref('/admin/tenants', { q: '' })).toBe('/admin/tenants')
  })

  test('page to the one before and the one after, as far as there are any', () => {
    const links = (number: number) => {
      const pager = Pager({ path: '/list', query: { q: 'x' }, page: { number, size: 10, total: 25 } })
      return elementsOf(String(pager)).flatMap(({ attributes }) => attributes.get('href') ?? [])
    }
    expect(links(1)).toEqual(['/list?q=x&amp;page=2'])
    expect(links(2)).toEqual(['/list?q=x', '/list?q=x&amp;page=3'])
    expect(links(3)).toEqual(['/list?q=x&amp;page=2'])
    expect(Pager({ path: '/list', query: {}, page: { number: 1, size: 10, total: 10 } })).toBeNull()
  })
})

describe('a run in words', () => {
  const { tenant } = run
  test('its title says what and for whom', () => {
    expect(runTitle({ kind: 'provision', direction: 'forward', tenant })).toBe('Provision ada')
    expect(runTitle({ kind: 'provision', direction: 'undo', tenant })).toBe('Undo provision of ada')
  })

  test('its sentence says what happens now', () => {
    expect(runSentence(run, NOW)).toBe(
      'Waiting at “Point the name”: Route 53 is carrying the change to its name servers.',
    )
    expect(runSentence({ ...run, availableAt: NOW + 30_000 }, NOW)).toEndWith('It looks again in 30 s.')
    const seldom = runSentence({ ...run, availableAt: NOW + 26 * 3_600_000 }, NOW)
    expect(seldom).toEndWith('It goes on in 26 h 00 min.')
    expect(runSentence(runFailed, NOW)).toBe('Stopped at “Point the name” after 1 min 30 s.')
    expect(runSentence({ ...run, status: 'queued' }, NOW)).toMatch(/queue/)
    const done = { ...run, status: 'succeeded' as const, finishedAt: NOW }
    expect(runSentence(done, NOW)).toBe('Finished after 1 min 32 s.')
    expect(runSentence({ ...run, status: 'running', direction: 'undo' }, NOW)).toMatch(
      /^Undoing “Point the name”/,
    )
  })

  test('every kind of failure comes with something to do', () => {
    const codes = [
      'unavailable',
      'unauthorized',
      'forbidden',
      'invalid',
      'conflict',
      'not_found',
      'internal',
      null,
    ]
    for (const code of codes) expect(adviceFor(code)).toMatch(/retry|undo/i)
    expect(adviceFor('conflict', 'The project is full. Delete a server, then retry.')).not.toMatch(/holds/)
  })
})

describe('the check of a name', () => {
  test('says in words what it found, escaped', () => {
    expect(String(SubdomainHint({ state: 'idle', domain: 'a.example' }))).toContain('.a.example')
    expect(String(SubdomainHint({ state: 'available', address: 'ada.a.example' }))).toContain('is free')
    const refused = String(SubdomainHint({ state: 'refused', message: '<b>taken</b>' }))
    expect(refused).toContain('&lt;b&gt;taken&lt;/b&gt;')
  })
})

describe('icons', () => {
  test('the shop shows its initial on its accent, with markup kept out', () => {
    expect(shopFavicon('virtues', '#5b4bd6')).toContain('>V</text>')
    expect(shopFavicon('<x', '#5b4bd6')).toContain('>&lt;</text>')
    expect(() => shopFavicon('virtues', '"/><script>')).toThrow(TypeError)
    expect([initial('  ada'), initial('éa'), initial('😀b'), initial('')]).toEqual(['A', 'É', '😀', '?'])
  })

  test('both are whole SVG files', () => {
    for (const svg of [shopFavicon('Virtues', '#fff'), atlasFavicon()]) {
      expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true)
      expect(svg.endsWith('</svg>')).toBe(true)
    }
  })
})
