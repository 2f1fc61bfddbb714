import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Browser } from '../browser-habits'
import { Fleet } from '../rollouts/fleet'
import { openStage, type Stage } from '../stage'
import { elementsOf, unescaped } from '../views/dom'

let stage: Stage
let operator: Browser
beforeEach(async () => {
  stage = openStage()
  operator = await stage.operator()
})
afterEach(() => stage.close())

const elements = async (path: string) => elementsOf(await (await operator.get(path)).text())
/** What each row of a table is called. */
const rowsOf = async (path: string) =>
  (await elements(path))
    .filter(({ tag, attributes }) => tag === 'strong' || attributes.get('class') === 'row-link')
    .map(({ text }) => text)

/** Presses the head of a column. Resolves to where that leads. */
async function press(path: string, head: string): Promise<string> {
  const links = (await elements(path)).filter(({ attributes }) => attributes.get('class') === 'sort-link')
  const link = links.find(({ text }) => text.trim() === head)
  return unescaped(link?.attributes.get('href') ?? `no head ${head}`)
}

/** What screen readers are told of a list's order. */
const sortedBy = async (path: string) =>
  (await elements(path))
    .filter(({ attributes }) => attributes.has('aria-sort'))
    .map(({ text, attributes }) => [text.trim(), attributes.get('aria-sort')])

/** Presses a head twice: the rows one way and then the other, with what was searched for kept. */
async function sortsBothWays(found: string, head: string, rows: string[]): Promise<void> {
  // Where nothing was asked for the newest come first, so that the head of the time turns them round.
  const up = await press(found, head)
  expect([await rowsOf(up), await sortedBy(up)]).toEqual([rows, [[head, 'ascending']]])
  const down = await press(up, head)
  expect([await rowsOf(down), await sortedBy(down)]).toEqual([rows.toReversed(), [[head, 'descending']]])
  const asked = new URL(found, 'http://x').searchParams
  for (const [name, value] of asked) expect(new URL(down, 'http://x').searchParams.get(name)).toBe(value)
  // Typing into the search keeps the order.
  const kept = (await elements(down)).filter(({ attributes }) => attributes.get('type') === 'hidden')
  expect(kept.map(({ attributes }) => attributes.get('name'))).toEqual(
    expect.arrayContaining(['sort', 'dir']),
  )
}

describe('the heads of a list', () => {
  beforeEach(async () => {
    for (const name of ['bea', 'adele', 'cleo']) {
      await stage.tenant(name, `${name}@example.com`)
      stage.clock.advance(1_000)
    }
    const { sqlite } = stage.services.db
    for (const [name, status] of [
      ['adele', 'failed'],
      ['bea', 'succeeded'],
      ['cleo', 'cancelled'],
    ])
      sqlite.run(
        'UPDATE runs SET status = ? WHERE tenant_id = (SELECT id FROM tenants WHERE subdomain = ?)',
        [status!, name!],
      )
    sqlite.run("UPDATE signups SET status = 'failed' WHERE subdomain = 'bea'")
    sqlite.run("UPDATE signups SET status = 'active' WHERE subdomain = 'cleo'")
    sqlite.run("UPDATE tenants SET release = 'v' || subdomain")
  })

  test.each([
    ['/admin/signups', 'Name', ['adele', 'bea', 'cleo']],
    ['/admin/signups', 'Status', ['cleo', 'bea', 'adele']],
    ['/admin/signups', 'Signed up', ['bea', 'adele', 'cleo']],
    ['/admin/tenants', 'Name', ['adele', 'bea', 'cleo']],
    ['/admin/tenants', 'Release', ['adele', 'bea', 'cleo']],
    ['/admin/tenants', 'Created', ['bea', 'adele', 'cleo']],
    ['/admin/runs', 'Run', ['Provision adele', 'Provision bea', 'Provision cleo']],
    ['/admin/runs', 'Status', ['Provision cleo', 'Provision adele', 'Provision bea']],
    ['/admin/runs', 'Started', ['Provision bea', 'Provision adele', 'Provision cleo']],
  ])('%s: %s sorts up and down and keeps what is searched for', (path, head, rows) =>
    sortsBothWays(`${path}?q=e`, head, rows),
  )

  test('/admin/runs: are found by their kind', async () => {
    stage.services.db.sqlite.run("UPDATE runs SET kind = 'rotate-secrets' WHERE status = 'failed'")
    expect(await rowsOf('/admin/runs?kind=rotate-secrets')).toEqual(['Rotate the secrets of adele'])
    expect(await rowsOf('/admin/runs?kind=provision')).toEqual(['Provision cleo', 'Provision bea'])
    expect(await (await operator.get('/admin/runs?kind=move')).text()).toContain('No run matches')
  })
})

describe('the lists of rollouts', () => {
  let fleet: Fleet
  beforeEach(async () => {
    fleet = await Fleet.open(3)
    operator = await fleet.stage.operator()
    fleet.change('t01', { status: 'suspended' })
    await fleet.rollOut('v43', { bake_minutes: 0 })
    await fleet.live()
    await fleet.rollOut('v44', { bake_minutes: 0 }, { migration: 'reversible' })
    await fleet.live()
    fleet.change('t00', { status: 'suspended' })
    await fleet.rollOut('v45', { waves: '1 / 100 %', bake_minutes: 60 }, { migration: 'expand' })
    await fleet.pass(5)
  })
  afterEach(() => fleet.close())

  test.each([
    ['Release', ['v43', 'v44', 'v45']],
    ['Begun', ['v43', 'v44', 'v45']],
    ['Status', ['v45', 'v43', 'v44']],
  ])('sort rollouts by %s', (head, rows) => sortsBothWays('/admin/rollouts?q=v4', head, rows))

  test.each([
    ['Tag', ['v43', 'v44', 'v45']],
    ['Data', ['v45', 'v43', 'v44']],
    ['Known since', ['v43', 'v44', 'v45']],
  ])('sort releases by %s', (head, rows) =>
    sortsBothWays('/admin/releases?blueprint=virtues&q=v4', head, rows),
  )

  test('find a release by its tag, its notes and what it does to the data', async () => {
    await fleet.release('v50', { notes: 'Faster search.' })
    expect(await rowsOf('/admin/releases?q=SEARCH')).toEqual(['v50'])
    expect(await rowsOf('/admin/releases?q=v45')).toEqual(['v45'])
    expect(await rowsOf('/admin/releases?data=none')).toEqual(['v50', 'v43'])
    const none = await operator.get('/admin/releases?q=%25')
    expect(await none.text()).toContain('No release matches')
  })

  test('sort the tenants of one', async () => {
    const path = `/admin/rollouts/${fleet.rollout.id}/targets`
    const order = fleet.targets().map(({ name }) => name)
    expect(await rowsOf(path)).toEqual(order)
    await sortsBothWays(`${path}?q=t0`, 'Name', ['t00', 't01', 't02'])
    expect(await rowsOf(await press(path, 'Wave'))).toEqual(order.toReversed())
    expect((await rowsOf(await press(path, 'State')))[0]).toBe('t00')
  })

  test('lead back to where they were after a tenant was skipped', async () => {
    const path = `/admin/rollouts/${fleet.rollout.id}/targets`
    const [skip] = (await elements(`${path}?state=set_aside&sort=subdomain&dir=desc`)).flatMap(
      ({ attributes }) => attributes.get('action')?.match(/^.*skip.*$/) ?? [],
    )
    const answer = await operator.post(unescaped(skip ?? ''))
    expect(answer.headers.get('location')).toBe(`${path}?state=set_aside&sort=subdomain&dir=desc&page=1`)
  })
})
