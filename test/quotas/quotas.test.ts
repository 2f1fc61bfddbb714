import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { listQuotas, noteQuotas, noteServer, noteUse } from '../../src/quotas/quotas'
import { openStage, type Stage } from '../stage'

let stage: Stage
beforeEach(() => {
  stage = openStage()
  stage.services.settings.limits = { servers: 10, addresses: null }
})
afterEach(() => stage.close())

const count = (servers: number) =>
  stage.services.db.write((tx) => {
    const counted = { servers, addresses: 2 * servers, records: { used: 3, limit: 10_000 } }
    noteQuotas(tx, stage.services, counted, stage.clock.now())
  })
const quota = (name: string) => listQuotas(stage.services.db.read).find((one) => one.name === name)
const subjects = () => stage.mails().map(({ subject }) => subject)

describe('quotas', () => {
  test('are unknown before the first look', () => {
    expect(listQuotas(stage.services.db.read)).toEqual([])
  })

  test('have the operator’s limits, and the zone’s own', () => {
    count(4)
    expect(listQuotas(stage.services.db.read)).toMatchObject([
      { name: 'servers', used: 4, capacity: 10 },
      { name: 'addresses', used: 8, capacity: null },
      { name: 'records', used: 3, capacity: 10_000 },
    ])
  })

  test('count what is made and deleted between two looks', () => {
    const { db, clock } = stage.services
    const server = { ipv4: '198.18.0.1', ipv6: null }
    db.write((tx) => noteServer(tx, stage.services, server, 1, clock.now()))
    expect(quota('servers')).toBeUndefined()
    count(4)
    db.write((tx) => noteServer(tx, stage.services, server, 1, clock.now()))
    expect([quota('servers')?.used, quota('addresses')?.used]).toEqual([5, 9])
    db.write((tx) => noteServer(tx, stage.services, server, -1, clock.now()))
    db.write((tx) => noteUse(tx, stage.services, { servers: -9 }, clock.now()))
    expect([quota('servers')?.used, quota('addresses')?.used]).toEqual([0, 8])
  })
})

describe('the operator is told', () => {
  test('once at 80 %, and again only after it fell below 70 %', () => {
    for (const used of [7, 8, 9, 10, 7, 8]) count(used)
    expect(subjects()).toEqual(['Atlas: 8 of 10 servers at Hetzner are used'])
    stage.clock.advance(1)
    for (const used of [6, 7, 9]) count(used)
    expect(subjects()).toEqual([
      'Atlas: 8 of 10 servers at Hetzner are used',
      'Atlas: 9 of 10 servers at Hetzner are used',
    ])
  })

  test('also when a server that was just made reaches it', () => {
    count(7)
    const { db, clock } = stage.services
    db.write((tx) => noteServer(tx, stage.services, { ipv4: null, ipv6: null }, 1, clock.now()))
    expect(subjects()).toHaveLength(1)
  })

  test('never of a limit that nobody has set', () => {
    stage.services.settings.limits = { servers: null, addresses: null }
    count(10_000)
    expect(subjects()).toEqual([])
  })
})

test('the overview says how much is used, of what, and when it was counted', async () => {
  const operator = await stage.operator()
  expect(await (await operator.get('/admin')).text()).not.toContain('Room at the clouds')
  count(9)
  const page = await (await operator.get('/admin')).text()
  expect(page).toContain('Room at the clouds')
  expect(page).toContain('Servers at Hetzner')
  expect(page).toMatch(/figure-warning[^>]*>90 %/)
  expect(page).toContain('limit not set')
})
