import { afterEach, beforeEach, expect, test } from 'bun:test'
import { AtlasError } from '../../src/errors'
import type { Cloud, CloudServer } from '../../src/providers/cloud'
import { IN_QUEUE } from '../../src/quotas/queue'
import { listQuotas, noteQuotas } from '../../src/quotas/quotas'
import { waitForRoom, waitIfFull } from '../../src/quotas/room'
import type { StepContext } from '../../src/runs/recipe'
import { factsOf, getRun } from '../../src/runs/run'
import type { Services } from '../../src/services'
import { openStage, type Stage } from '../stage'

let stage: Stage
let services: Services
/** What the cloud lists for the server's own label. */
let listed: CloudServer[]
beforeEach(() => {
  listed = []
  const cloud = { listServers: async () => listed } as Partial<Cloud> as Cloud
  stage = openStage({ services: { cloud } })
  services = stage.services
  services.settings.limits = { servers: 2, addresses: 100 }
})
afterEach(() => stage.close())

async function context(name?: string): Promise<StepContext> {
  const { runId } = await stage.tenant(name)
  const { db, clock } = services
  const run = factsOf(getRun(db.read, runId))
  return { run, db, now: () => clock.now() } as StepContext
}

const count = (used: { servers?: number; addresses?: number; records?: number }) =>
  services.db.write((tx) => {
    const { servers = 0, addresses = 0, records = 0 } = used
    noteQuotas(tx, services, { servers, addresses, records: { used: records, limit: 10 } }, 1)
  })

test('there is room as long as one more site fits into every quota', async () => {
  const at = await context()
  expect(await waitForRoom(services, at)).toBeNull()
  count({ servers: 1, addresses: 98, records: 9 })
  expect(await waitForRoom(services, at)).toBeNull()
  for (const used of [{ servers: 2 }, { addresses: 99 }, { records: 10 }]) {
    count(used)
    expect(await waitForRoom(services, at)).toMatchObject({ kind: 'wait', why: IN_QUEUE })
  }
})

test('the last room is kept for whoever came first, however far their runs are', async () => {
  services.settings.limits = { servers: 1, addresses: 100 }
  const first = await context('ada')
  stage.clock.advance(1)
  const second = await context('grace')
  expect(await waitForRoom(services, second)).toMatchObject({ kind: 'wait', why: IN_QUEUE })
  expect(await waitForRoom(services, first)).toBeNull()
})

test('a server that was made before a crash takes no more room', async () => {
  const at = await context()
  count({ servers: 2 })
  listed = [{ id: '1' } as CloudServer]
  expect(await waitForRoom(services, at)).toBeNull()
})

test('only the cloud’s word that its limit is reached makes a run wait; every other refusal stays one', async () => {
  const at = await context()
  const refusal = (vendorCode: string) =>
    new AtlasError('conflict', 'No.', { vendorCode, outcome: 'refused' })
  expect(() => waitIfFull(services, at, refusal('resource_unavailable'))).toThrow('No.')
  expect(listQuotas(services.db.read)).toEqual([])
  expect(waitIfFull(services, at, refusal('resource_limit_exceeded'))).toMatchObject({ why: IN_QUEUE })
  expect(listQuotas(services.db.read)).toMatchObject([{ name: 'servers', refusedAt: stage.clock.now() }])
})
