import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Browser } from '../browser-habits'
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
const rowsOf = async (path: string) =>
  (await elements(path))
    .filter(({ attributes }) => attributes.get('class') === 'row-link')
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
  ])('%s: %s sorts up and down and keeps what is searched for', async (path, head, rows) => {
    const found = `${path}?q=e`
    // The newest come first where nothing was asked for, so that the head of the time turns it round.
    const up = await press(found, head)
    expect([await rowsOf(up), await sortedBy(up)]).toEqual([rows, [[head, 'ascending']]])
    const down = await press(up, head)
    expect([await rowsOf(down), await sortedBy(down)]).toEqual([rows.toReversed(), [[head, 'descending']]])
    expect(new URL(down, 'http://x').searchParams.get('q')).toBe('e')
    // Typing into the search keeps the order.
    const kept = (await elements(down)).filter(({ attributes }) => attributes.get('type') === 'hidden')
    expect(kept.map(({ attributes }) => attributes.get('name'))).toEqual(
      expect.arrayContaining(['sort', 'dir']),
    )
  })
})
