import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { dnsRecords, servers } from '../../src/db/schema'
import { unavailable } from '../../src/errors'
import { newId } from '../../src/ids'
import { allRecipes } from '../../src/lifecycle/recipes'
import type { Cloud, CloudServer } from '../../src/providers/cloud'
import type { Dns } from '../../src/providers/dns'
import type { Machines } from '../../src/providers/machines'
import type { Probe } from '../../src/providers/probe'
import { done, type Recipe } from '../../src/runs/recipe'
import { queueRun, undoRun } from '../../src/runs/verbs'
import { getTenant, hostnameOf } from '../../src/tenants/tenant'
import { Workshop } from '../runs/workshop'
import { TENANT_DOMAIN } from '../stage'

const DAY_MS = 24 * 3_600_000
const ADDRESS = '198.51.100.7'
const INPUT = { serverType: 'cpx31', formerType: 'cpx21', method: 'image', reason: 'by_hand' }
/** What the steps that are not looked at have left for those that are. */
const OUTPUT = { serverId: '42', actionIds: ['7'], changeId: 'C1', backupId: null }

let shop: Workshop
let status: string
beforeEach(async () => {
  status = 'running'
  shop = await Workshop.open()
  Object.assign(shop.stage.services, endlessWorld())
  shop.db.write((tx) => {
    const facts = { externalId: '42', ipv4: ADDRESS, ipv4Id: '9', hostKey: 'ssh-ed25519 AAAA' }
    tx.update(servers).set(facts).where(eq(servers.tenantId, shop.tenantId)).run()
  })
})
afterEach(() => shop.close())

/** Clouds that take every order and never get anywhere, and a server that never answers. */
function endlessWorld() {
  const start = async () => ({ actionId: '7' })
  const server = async () => ({ id: '42', name: 'ada', status, ipv4: ADDRESS, ipv6: null }) as CloudServer
  const creating = { id: '5', status: 'creating' }
  const cloud: Record<string, unknown> = {
    getActions: async () => [{ id: '7', command: 'do_it', status: 'running', progress: 50, error: null }],
    getServer: server,
    listServers: async () => [await server()],
    listPrimaryIps: async () => [{ id: '9', ip: ADDRESS, serverId: '42' }],
    ensureImage: async () => ({ image: creating, actionId: '7' }),
    getImage: async () => creating,
    ...{ shutdown: start, powerOff: start, powerOn: start, changeServerType: start, deleteServer: start },
  }
  const dns: Partial<Dns> = {
    getChange: async () => 'pending',
    findRecord: async (name, type) =>
      type === 'A' ? { name, type, values: [ADDRESS], ttlSeconds: 60 } : null,
    deleteRecord: async () => ({ changeId: 'C2' }),
  }
  const machines: Partial<Machines> = {
    run: async () => Promise.reject(unavailable('The server cannot be reached.', { outcome: 'refused' })),
    close: () => {},
  }
  const probe: Probe = { get: async () => ({ ok: false, reason: 'It did not answer.', tookMs: 1 }) }
  return { cloud: cloud as Partial<Cloud> as Cloud, dns: dns as Dns, machines: machines as Machines, probe }
}

/** The recipe with this one of its steps; every other one has nothing to do. */
function only(kind: string, name: string): Recipe {
  const recipe = allRecipes(shop.stage.services).find((one) => one.kind === kind)!
  const idle = { patience: undefined, run: async () => done(OUTPUT), undo: undefined }
  return { ...recipe, steps: recipe.steps.map((step) => (step.name === name ? step : { ...step, ...idle })) }
}

/** Carries a run of the recipe to its end; how long that took, and why it failed. */
async function carry(recipe: Recipe) {
  const begunAt = shop.clock.now()
  const id = shop.db.write((tx) => queueRun(tx, recipe, shop.tenantId, INPUT, begunAt))
  await shop.carryToTheEnd(recipe, id)
  return { id, ms: shop.clock.now() - begunAt, run: shop.run(id) }
}

describe('when a cloud never gets anywhere, the run fails within a day', () => {
  test.each([
    ['provision', 'wait-for-server', 'Hetzner is creating the server: 50 %.'],
    ['provision', 'verify-host-key', 'The server cannot be reached.'],
    ['provision', 'wait-for-dns', 'Route 53 is spreading the record.'],
    ['provision', 'check-health', 'It did not answer.'],
    ['change-plan', 'power-off', 'Hetzner is at it: 50 %.'],
    ['change-plan', 'change-type', 'Hetzner is at it: 50 %.'],
    ['change-plan', 'wait-for-agent', 'The server cannot be reached.'],
    ['backup', 'run-backup', 'Hetzner is copying the disk.'],
    ['delete', 'delete-server', 'Hetzner is deleting ada.'],
  ])('%s: %s', async (kind, name, why) => {
    const { ms, run } = await carry(only(kind, name))
    expect(run).toMatchObject({ status: 'failed', step: name })
    expect(run.reason).toContain(why)
    expect(ms).toBeLessThan(DAY_MS)
  })

  test('change-plan: power-on', async () => {
    status = 'off'
    const { run } = await carry(only('change-plan', 'power-on'))
    expect(run.reason).toContain('Hetzner is at it: 50 %.')
  })

  test('delete: remove-dns', async () => {
    addRecord()
    const { run } = await carry(only('delete', 'remove-dns'))
    expect(run.reason).toContain('Route 53 is removing the record.')
  })

  test('delete: release-addresses', async () => {
    shop.db.write((tx) => tx.update(servers).set({ deletedAt: 1 }).run())
    const { run } = await carry(only('delete', 'release-addresses'))
    expect(run.reason).toContain('Hetzner is taking the addresses off the server.')
  })

  test('and so does the way back', async () => {
    addRecord()
    const recipe = only('provision', 'point-dns')
    const steps = recipe.steps.map((step) =>
      step.name === 'point-dns' ? { ...step, run: async () => Promise.reject(new Error('It broke.')) } : step,
    )
    const { id } = await carry({ ...recipe, steps })
    shop.db.write((tx) => undoRun(tx, recipe, id, shop.clock.now()))
    await shop.carryToTheEnd(recipe, id)
    expect(shop.run(id)).toMatchObject({ status: 'failed', direction: 'undo' })
    expect(shop.run(id).reason).toContain('Route 53 is removing the record.')
  })
})

function addRecord(): void {
  const name = hostnameOf(getTenant(shop.db.read, shop.tenantId), TENANT_DOMAIN)
  const record = { tenantId: shop.tenantId, name, type: 'A', value: ADDRESS, ttlSeconds: 60 } as const
  shop.db.write((tx) =>
    tx
      .insert(dnsRecords)
      .values({ id: newId('rec', 1), ...record, changeId: 'C1', createdAt: 1 })
      .run(),
  )
}
