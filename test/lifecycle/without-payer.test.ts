import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { subscriptionOf } from '../../src/billing/mirror'
import { syncMoney } from '../../src/billing/sync'
import { servers } from '../../src/db/schema'
import { followMoney } from '../../src/lifecycle/follow-money'
import { cancel } from '../../src/lifecycle/mend'
import { moveToNewServer } from '../../src/lifecycle/move'
import { lookAtMove } from '../../src/lifecycle/move-outlook'
import { changePlan } from '../../src/lifecycle/plan-change'
import { choosePlan } from '../../src/lifecycle/plan-choice'
import { getRun } from '../../src/runs/run'
import { serverOf } from '../../src/tenants/tenant'
import { Estate } from '../estate'

const PRO = 'virtues/pro'
const STARTER = 'virtues/starter'
const CHANGE_TYPE = 'POST /servers/{id}/actions/change_type'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const subscription = () => subscriptionOf(estate.db.read, estate.tenant.organizationId)!
const customerLeaves = () => estate.clouds.stripe.cancelByCustomer(subscription().stripeId)
const callOff = () =>
  estate.do((tx, services, _, { actor, nowMs }) => cancel(tx, services, estate.run.id, actor, nowMs))
const hearOfIt = () => syncMoney(estate.services, estate.tenant.organizationId)

async function beginChange(): Promise<string> {
  const change = await choosePlan(estate.services, estate.tenant.id, PRO)
  return estate.do((tx, services, id, asked) => changePlan(tx, services, id, { ...asked, change })).runId
}

async function standing() {
  const { externalId, serverType } = serverOf(estate.db.read, estate.tenant.id)
  const server = await estate.services.cloud.getServer(externalId ?? '')
  const ofStripe = await estate.services.payments.getSubscription(subscription().stripeId)
  const { status, priceId } = subscription()
  expect({ status, priceId }).toEqual({ status: ofStripe.status, priceId: ofStripe.priceId })
  expect(server).toMatchObject({ serverType })
  return { plan: estate.tenant.planId, type: serverType, power: server?.status, money: status, priceId }
}

const AS_BEFORE = { plan: STARTER, type: 'cpx21', power: 'running', money: 'canceled' }

/** What money does every few minutes. */
async function isSuspended(): Promise<void> {
  await followMoney(estate.services)
  await estate.live()
  expect(estate.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'canceled' })
}

describe('a change of plan whose customer leaves meanwhile', () => {
  test('is taken back when somebody cancels it, though its price stays as it ended', async () => {
    const runId = await beginChange()
    await estate.liveUntil('power-off: waiting', () => {
      customerLeaves()
      callOff()
    })
    await estate.live()
    expect(getRun(estate.db.read, runId).status).toBe('cancelled')
    expect(await standing()).toEqual({ ...AS_BEFORE, priceId: 'price_virtues_pro' })
    expect((await estate.visit()).status).toBe(200)
    await isSuspended()
  })

  test('before anything was changed says so, and is taken back by itself', async () => {
    const runId = await beginChange()
    customerLeaves()
    await estate.live()
    expect(getRun(estate.db.read, runId).status).toBe('cancelled')
    const says = 'The subscription has ended meanwhile, so its price can’t change any more.'
    expect(estate.exchanges.some(({ requestBody }) => requestBody.includes(says))).toBe(true)
    expect(estate.exchanges.some(({ path }) => path.endsWith('/actions/shutdown'))).toBe(false)
    expect(await standing()).toEqual({ ...AS_BEFORE, priceId: 'price_virtues_starter' })
    await isSuspended()
  })

  test('and which then fails at the server is taken back by itself', async () => {
    estate.fault('hetzner', CHANGE_TYPE, 'refuse', { code: 'resource_unavailable' })
    const runId = await beginChange()
    await estate.liveUntil('power-off: waiting', customerLeaves)
    await hearOfIt()
    await estate.live()
    expect(getRun(estate.db.read, runId).status).toBe('cancelled')
    expect(await standing()).toEqual({ ...AS_BEFORE, priceId: 'price_virtues_pro' })
    expect(estate.mails()).toContain('failure-notice')
    await isSuspended()
  })

  test('after it was charged for has what was charged, until it is suspended', async () => {
    const runId = await beginChange()
    await estate.liveUntil('power-off: waiting', customerLeaves)
    await estate.live()
    await hearOfIt()
    expect(getRun(estate.db.read, runId).status).toBe('succeeded')
    expect(await standing()).toEqual({
      plan: PRO,
      type: 'ccx13',
      power: 'running',
      money: 'canceled',
      priceId: 'price_virtues_pro',
    })
    await isSuspended()
  })
})

test('a change of plan that fails while somebody pays waits for a person', async () => {
  estate.fault('hetzner', CHANGE_TYPE, 'refuse', { code: 'resource_unavailable' })
  const runId = await beginChange()
  await estate.live()
  expect(getRun(estate.db.read, runId)).toMatchObject({ status: 'failed', direction: 'forward' })
})

test('a move to another plan whose customer has left is taken back by itself', async () => {
  const { plan } = await lookAtMove(estate.services, estate.tenant.id, PRO)
  const { runId } = estate.do((tx, services, id, asked) =>
    moveToNewServer(tx, services, id, { ...asked, plan }),
  )
  customerLeaves()
  await estate.live()
  expect(getRun(estate.db.read, runId).status).toBe('cancelled')
  const roles = estate.db.read.select().from(servers).all()
  expect(roles.map(({ role }) => role).sort()).toEqual(['current', 'former'])
  expect(await standing()).toEqual({ ...AS_BEFORE, priceId: 'price_virtues_starter' })
})
