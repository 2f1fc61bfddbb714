import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { runs, servers, tenants } from '../../src/db/schema'
import { approveSignup } from '../../src/lifecycle/approve'
import { aheadInQueue, IN_QUEUE, queueLength } from '../../src/quotas/queue'
import { beginReconciliation } from '../../src/reconcile/reconcile'
import type { Services } from '../../src/services'
import { signupProgress } from '../../src/signups/progress'
import { Estate } from '../estate'

const MINUTE_MS = 60_000

let estate: Estate
let end: () => Promise<void>
beforeEach(async () => {
  estate = await Estate.approved()
})
afterEach(async () => {
  await end()
  await estate.close()
})

/** Begins to work with a limit of servers, as the operator set it and as the cloud has it. */
function work(limits: { set: number | null; real: number }): Services {
  estate.services.settings.limits = { servers: limits.set, addresses: null }
  estate.clouds.hetzner.setLimits({ servers: limits.real })
  end = estate.begin()
  return estate.services
}

/** Another paid and approved signup, by its tenant. */
async function another(name: string) {
  estate.clock.advance(1)
  return estate.stage.tenant(name, `${name}@example.com`)
}

const statusOf = (tenantId: string) =>
  estate.db.read.select().from(tenants).where(eq(tenants.id, tenantId)).get()?.status

describe.each([
  ['that the operator has set', { set: 1, real: 100 }],
  ['that only the cloud knows', { set: null, real: 1 }],
] as const)('at a limit %s', (_, limits) => {
  test('new sites wait in line, say so, and are made as soon as there is room', async () => {
    const { db } = work(limits)
    await estate.until(() => statusOf(estate.tenantId) === 'active')
    const grace = await another('grace')
    const linus = await another('linus')
    await estate.until(() => queueLength(db.read) === 2)
    expect([aheadInQueue(db.read, grace.runId), aheadInQueue(db.read, linus.runId)]).toEqual([0, 1])
    expect(db.read.select().from(runs).where(eq(runs.id, linus.runId)).get()?.reason).toBe(IN_QUEUE)
    expect(signupProgress(estate.services, linus.signupId)).toMatchObject({ state: 'working', ahead: 1 })
    expect(signupProgress(estate.services, estate.stage.signup('later')).ahead).toBeNull()

    estate.clouds.hetzner.setLimits({ servers: 2 })
    estate.services.settings.limits = { servers: limits.set === null ? null : 2, addresses: null }
    await estate.until(() => statusOf(grace.tenantId) === 'active')
    expect(statusOf(linus.tenantId)).toBe('provisioning')
    expect(aheadInQueue(db.read, linus.runId)).toBe(0)
    // The dashboard never calls it a failure.
    expect(db.read.select().from(runs).where(eq(runs.status, 'failed')).all()).toEqual([])
  })
})

describe('the queue', () => {
  test('moves at once when a server is deleted', async () => {
    const grace = await another('grace')
    const { db } = work({ set: 1, real: 100 })
    await estate.until(() => queueLength(db.read) === 1 && statusOf(estate.tenantId) === 'active')
    const { externalId } = db.read.select().from(servers).where(eq(servers.tenantId, estate.tenantId)).get()!
    estate.clouds.hetzner.lose(externalId!)
    estate.clock.advance(10 * MINUTE_MS)
    await beginReconciliation(estate.services).done
    await estate.until(() => statusOf(grace.tenantId) === 'active')
    expect(queueLength(db.read)).toBe(0)
  })

  test('may be left: the run turns back before it made anything', async () => {
    const grace = await another('grace')
    const { db } = work({ set: 1, real: 100 })
    await estate.until(() => queueLength(db.read) === 1 && statusOf(estate.tenantId) === 'active')
    const { cancel } = await import('../../src/lifecycle/mend')
    db.write((tx) => cancel(tx, estate.services, grace.runId, { id: 'test' }, estate.clock.now()))
    await estate.until(() => statusOf(grace.tenantId) === 'deleted')
    expect([queueLength(db.read), estate.clouds.world.table('hetzner_server').size]).toEqual([0, 1])
    const again = db.write((tx) =>
      approveSignup(tx, estate.services, grace.signupId, { id: 'test' }, estate.clock.now()),
    )
    expect(statusOf(again.tenantId)).toBe('provisioning')
  })
})

describe('the shop', () => {
  test('says before the payment that new sites wait, and only while they do', async () => {
    const says = async () =>
      Promise.all(
        ['/', '/signup'].map(async (path) =>
          (await (await estate.stage.browser().get(path)).text()).includes('as servers become free'),
        ),
      )
    expect(await says()).toEqual([false, false])
    const grace = await another('grace')
    const { db } = work({ set: 1, real: 100 })
    await estate.until(() => queueLength(db.read) === 1)
    expect(await says()).toEqual([true, true])
    expect(statusOf(grace.tenantId)).toBe('provisioning')
  })
})
