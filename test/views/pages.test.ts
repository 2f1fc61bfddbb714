import { describe, expect, test } from 'bun:test'
import { elementsOf, unescaped } from './dom'
import { PAGES } from './pages'

const NASTY = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  `' hx-get='/admin' hx-trigger='load`,
  '</title></textarea></noscript><svg onload=alert(1)>',
]

// Words that choose what a view draws, and addresses that come from Atlas itself, keep their values.
const KEPT = new Set(
  [
    'state',
    'states',
    'status',
    'outcome',
    'direction',
    'interval',
    'currency',
    'sort',
    'dir',
    'approval',
    'errorCode',
    'kind',
    'suspendedFor',
  ].concat([...['eventsUrl', 'action', 'changeHref', 'href', 'siteUrl', 'url']]),
)

/** The same props with `nasty` behind every string of theirs. */
function poison<T>(value: T, nasty: string): T {
  const walk = (one: unknown, name: string): unknown => {
    if (typeof one === 'string') return KEPT.has(name) ? one : `${one}${nasty}`
    if (Array.isArray(one)) return one.map((item) => walk(item, name))
    if (typeof one !== 'object' || one === null) return one
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, walk(inner, key)]))
  }
  return walk(value, '') as T
}

const shape = (markup: string) =>
  elementsOf(markup).map(({ tag, attributes }) => `${tag} ${[...attributes.keys()].join(' ')}`)

describe.each(PAGES.map((page) => [page.name, page] as const))('the page %s', (_, page) => {
  const markup = String(page.render())
  const elements = elementsOf(markup)
  const all = (tag: string) => elements.filter((element) => element.tag === tag)

  test.each(NASTY)('keeps its shape when every field holds %p', (nasty) => {
    const poisoned = String(page.renderWith((props) => poison(props, nasty)))
    // The same words without anything special show which elements depend on a field being there or being equal.
    const harmless = String(page.renderWith((props) => poison(props, 'x'.repeat(nasty.length))))
    expect(shape(poisoned)).toEqual(shape(harmless))
    const attributes = elementsOf(poisoned).flatMap((element) => [...element.attributes.keys()])
    expect(attributes.filter((name) => /^on|^hx-on|^style$/.test(name))).toEqual([])
  })

  test('has one main, one h1, and no heading that skips a level', () => {
    expect(all('main')).toHaveLength(1)
    const levels = elements.flatMap((element) =>
      /^h[1-6]$/.test(element.tag) ? [Number(element.tag[1])] : [],
    )
    expect(levels.filter((level) => level === 1)).toEqual([1])
    expect(levels[0]).toBe(1)
    for (const [i, level] of levels.entries()) expect(level - (levels[i - 1] ?? 0)).toBeLessThanOrEqual(1)
  })

  test('has a title, an icon, a language and a link past the navigation', () => {
    expect(all('title')[0]?.text.length).toBeGreaterThan(3)
    expect(all('link').some((link) => link.attributes.get('rel') === 'icon')).toBe(true)
    expect(all('html')[0]?.attributes.get('lang')).toBe('en')
    const [first] = all('a')
    expect(first?.attributes.get('href')).toBe('#main')
    expect(all('main')[0]?.attributes.get('id')).toBe('main')
  })

  test('labels every control and names every button and link', () => {
    const labelled = new Set(all('label').map((label) => label.attributes.get('for')))
    const controls = [...all('input'), ...all('select')].filter(
      (control) => control.attributes.get('type') !== 'hidden',
    )
    for (const control of controls) expect(labelled).toContain(control.attributes.get('id'))
    for (const named of [...all('button'), ...all('a'), ...all('label')])
      expect(named.text.trim()).not.toBe('')
  })

  test('uses every id once, and every reference finds its id', () => {
    const ids = elements.flatMap((element) => element.attributes.get('id') ?? [])
    expect(ids).toEqual([...new Set(ids)])
    const references = elements.flatMap(({ attributes }) =>
      ['aria-labelledby', 'aria-describedby', 'for'].flatMap(
        (name) => attributes.get(name)?.split(' ') ?? [],
      ),
    )
    expect(references.filter((id) => !ids.includes(id))).toEqual([])
  })

  test('has no inline script and no inline style, and loads from this origin only', () => {
    expect(all('script').map((script) => script.text)).toEqual(all('script').map(() => ''))
    expect(all('style')).toEqual([])
    const loaded = [...all('script'), ...all('link')].map(
      ({ attributes }) => attributes.get('src') ?? attributes.get('href') ?? '',
    )
    for (const address of loaded) expect(address).toMatch(/^\/assets\//)
  })

  test('changes things by POST only, and says the exact time beside relative words', () => {
    for (const form of all('form')) {
      const method = form.attributes.get('method')
      expect(method === 'post' || form.attributes.has('hx-get')).toBe(true)
    }
    for (const time of all('time')) {
      expect(time.attributes.get('datetime')).toMatch(/^\d{4}-\d\d-\d\dT/)
      expect(unescaped(time.attributes.get('title') ?? '')).toMatch(/UTC$/)
    }
  })
})

test('the check notices what a page that does not escape would do', () => {
  const careless = (name: string) => `<main><p title="${name}" data-name='${name}'>${name}</p></main>`
  for (const nasty of NASTY) expect(shape(careless(nasty))).not.toEqual(shape(careless('x')))
})
