import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { subscriptions } from '../../src/db/schema'
import { deleteTenant } from '../../src/lifecycle/deletion'
import { downtimeMinutes } from '../../src/lifecycle/downtime'
import { cancel, retry, undo } from '../../src/lifecycle/mend'
import { changePlan } from '../../src/lifecycle/plan-change'
import { choosePlan, type PlanChange } from '../../src/lifecycle/plan-choice'
import { suspendTenant } from '../../src/lifecycle/suspension'
import type { CloudServer } from '../../src/providers/cloud'
import type { Services } from '../../src/services'
import { serverOf } from '../../src/tenants/tenant'
import { Estate } from '../estate'

const PRO = 'virtues/pro'
const STARTER = 'virtues/starter'

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
})
afterEach(() => estate.close())

const choose = (planId = PRO, change = (services: Services) => services) =>
  choosePlan(change(estate.services), estate.tenant.id, planId)
const begin = (change: PlanChange) =>
  estate.do((tx, services, id, asked) => changePlan(tx, services, id, { ...asked, change }))
const mend = (verb: typeof retry) =>
  estate.do((tx, services, _, { actor, nowMs }) => verb(tx, services, estate.run.id, actor, nowMs))
const suspend = () =>
  estate.do((tx, services, id, asked) => suspendTenant(tx, services, id, { ...asked, because: 'operator' }))

async function changeTo(planId: string): Promise<void> {
  begin(await choose(planId))
  await estate.live()
}

/** What the tenant has: here, at Stripe, at Hetzner and in its own settings. */
async function standing() {
  const [subscription] = await estate.services.payments.listLiveSubscriptions()
  const { externalId, serverType } = serverOf(estate.db.read, estate.tenant.id)
  const server = await estate.services.cloud.getServer(externalId ?? '')
  const mirror = estate.db.read.select().from(subscriptions).get()
  const { status, text } = await estate.visit()
  return {
    plan: estate.tenant.planId,
    price: subscription?.priceId,
    mirrored: mirror?.priceId,
    type: server?.serverType,
    known: serverType,
    power: server?.status,
    diskGb: server?.diskGb,
    status,
    settings: /<dt>Plan<\/dt><dd>(\w+)</.exec(text)?.[1],
  }
}

const AT_STARTER = {
  plan: STARTER,
  price: 'price_virtues_starter',
  mirrored: 'price_virtues_starter',
  type: 'cpx21',
  known: 'cpx21',
  power: 'running',
  diskGb: 80,
  status: 200,
  settings: 'starter',
}
const AT_PRO = {
  ...AT_STARTER,
  plan: PRO,
  price: 'price_virtues_pro',
  mirrored: 'price_virtues_pro',
  type: 'ccx13',
  known: 'ccx13',
  settings: 'pro',
}

describe('a tenant whose plan is changed', () => {
  test('has the new price, type and settings, and its disk as it was', async () => {
    expect(await standing()).toEqual(AT_STARTER)
    await changeTo(PRO)
    expect(estate.run.status).toBe('succeeded')
    expect(await standing()).toEqual(AT_PRO)
  })

  test('can go back the same way', async () => {
    await changeTo(PRO)
    await changeTo(STARTER)
    expect(await standing()).toEqual(AT_STARTER)
  })

  test('is told by mail for how many minutes it is away, and when it is back', async () => {
    const change = await choose()
    const { minutes } = begin(change)
    const [mail] = estate.stage.mails().slice(-1)
    expect(mail?.text).toContain(`It can’t be visited for about ${minutes} minutes`)
    await estate.live()
    expect(estate.mails()).toEqual(['welcome', 'plan-change-begun', 'plan-changed'])
  })

  test('is charged first: nothing stops before Stripe has taken the price', async () => {
    await changeTo(PRO)
    const calls = estate.exchanges.filter(({ method }) => method === 'POST').map(({ path }) => path)
    const price = calls.findIndex((path) => path.startsWith('/v1/subscriptions/'))
    const shutdown = calls.findIndex((path) => path.endsWith('/actions/shutdown'))
    expect(price).toBeGreaterThanOrEqual(0)
    expect(shutdown).toBeGreaterThan(price)
  })

  test('keeps its server when that is what the plan takes, and only starts again', async () => {
    const change = { ...(await choose()), serverType: 'cpx21' }
    const same = (services: Services): Services => {
      const { plan } = services.catalog.plan(STARTER)
      const pro = services.catalog.plan(PRO)
      return {
        ...services,
        catalog: {
          ...services.catalog,
          plan: () => ({ ...pro, plan: { ...pro.plan, server: plan.server } }),
        },
      }
    }
    expect(await choose(PRO, same)).toEqual(change)
    begin(change)
    await estate.live(same)
    expect(await standing()).toEqual({ ...AT_PRO, type: 'cpx21', known: 'cpx21' })
    expect(estate.exchanges.some(({ path }) => path.endsWith('/actions/shutdown'))).toBe(false)
  })
})

describe('the downtime that is told', () => {
  test('is what is usual at first, and less when only the app starts again', async () => {
    const { read } = estate.db
    expect(downtimeMinutes(read, { serverType: 'ccx13', formerType: 'cpx21' })).toBe(5)
    expect(downtimeMinutes(read, { serverType: 'cpx21', formerType: 'cpx21' })).toBe(1)
  })

  test('is then what the latest changes took', async () => {
    await changeTo(PRO)
    const from = `(SELECT started_at FROM steps s WHERE s.run_id = steps.run_id AND s.name = 'stop-app')`
    estate.db.sqlite.run(
      `UPDATE steps SET finished_at = ${from} + 700000 WHERE name = 'check-health' AND run_id = ?`,
      [estate.run.id],
    )
    const { read } = estate.db
    expect(downtimeMinutes(read, { serverType: 'a', formerType: 'b' })).toBe(12)
    expect(downtimeMinutes(read, { serverType: 'a', formerType: 'a' })).toBe(1)
  })
})

describe('what is refused before anything is touched, with its reason', () => {
  const untouched = async () => expect(await standing()).toEqual(AT_STARTER)

  test('the plan that it has, and one that is not sold', async () => {
    expect(choose(STARTER)).rejects.toThrow('has it already, or it is not sold')
    expect(choose('virtues/gold')).rejects.toThrow('has it already, or it is not sold')
  })

  test('a suspended tenant', async () => {
    suspend()
    await estate.live()
    expect(choose()).rejects.toThrow('ada is suspended. Only an active tenant can be given another plan.')
  })

  test('a type that can’t be had where the server is', async () => {
    const without = (services: Services): Services => ({
      ...services,
      cloud: {
        ...services.cloud,
        listServerTypes: async () =>
          (await services.cloud.listServerTypes()).map((type) =>
            type.cpuType === 'dedicated' ? { ...type, locations: ['hel1'] } : type,
          ),
      },
    })
    expect(choose(PRO, without)).rejects.toThrow('No server type in nbg1')
    const change = await choose()
    begin(change)
    await estate.live(without)
    expect(estate.run).toMatchObject({ status: 'failed', step: 'check-placement' })
    mend(undo)
    await estate.live()
    await untouched()
  })

  test('a disk that would have to shrink: moving is the way', async () => {
    const small = (services: Services): Services => ({
      ...services,
      cloud: {
        ...services.cloud,
        getServer: async (id) => {
          const server = await services.cloud.getServer(id)
          return server && { ...server, diskGb: 160 }
        },
      },
    })
    expect(choose(PRO, small)).rejects.toThrow('Move the tenant to a new server of that plan instead')
  })

  test('a price at Stripe that is not the plan’s', async () => {
    const dear = (services: Services): Services => ({
      ...services,
      payments: {
        ...services.payments,
        getPrice: async (id) => ({ ...(await services.payments.getPrice(id)), amount: 99_900 }),
      },
    })
    expect(choose(PRO, dear)).rejects.toThrow('The price at Stripe is not that of the plan')
  })

  test('a subscription that has ended', async () => {
    estate.db.sqlite.run("UPDATE subscriptions SET status = 'canceled'")
    expect(choose()).rejects.toThrow('no live subscription')
  })

  test('the second of two operators, and the one who looked before the other was done', async () => {
    const change = await choose()
    begin(change)
    expect(() => begin(change)).toThrow('Wait until its run “change plan” has ended, or cancel it.')
    await estate.live()
    expect(() => begin(change)).toThrow('changed by somebody else meanwhile')
  })
})

describe('a change that goes wrong', () => {
  const FAULTS: [step: string, provider: string, verb: string, change: { status?: number; code?: string }][] =
    [
      ['change-subscription', 'stripe', 'POST /subscriptions/:id', { status: 402 }],
      ['stop-app', 'machine', 'stop', { code: 'conflict' }],
      ['change-type', 'hetzner', 'POST /servers/{id}/actions/change_type', { code: 'resource_unavailable' }],
      ['power-on', 'hetzner', 'POST /servers/{id}/actions/poweron', { code: 'protected' }],
      ['deliver-settings', 'machine', 'settings', { code: 'conflict' }],
      ['start-app', 'machine', 'start', { code: 'conflict' }],
    ]

  for (const [step, provider, verb, change] of FAULTS) {
    test(`at ${step} has everything as it was when it is undone`, async () => {
      estate.fault(provider, verb, 'refuse', change)
      begin(await choose())
      await estate.live()
      expect(estate.run).toMatchObject({ status: 'failed', step })
      expect(estate.tenant).toMatchObject({ status: 'active', statusReason: estate.run.reason })
      mend(undo)
      await estate.live()
      expect(estate.run).toMatchObject({ status: 'cancelled' })
      expect(await standing()).toEqual(AT_STARTER)
      expect(estate.mails().slice(-1)).toEqual(['plan-kept'])
    })
  }

  test('goes on at the same step when it is retried', async () => {
    for (const [, provider, verb, change] of FAULTS) estate.fault(provider, verb, 'refuse', change)
    begin(await choose())
    await estate.live()
    const stops: (string | null)[] = []
    while (estate.run.status === 'failed') {
      stops.push(estate.run.step)
      mend(retry)
      await estate.live()
    }
    expect(stops).toEqual(FAULTS.map(([step]) => step))
    expect(await standing()).toEqual(AT_PRO)
  })

  test('has its replies lost everywhere and still does everything once', async () => {
    for (const [, provider, verb] of FAULTS) estate.fault(provider, verb, 'lose_reply')
    await changeTo(PRO)
    expect(estate.run.status).toBe('succeeded')
    expect(estate.clouds.front.faults.list()).toEqual([])
    expect(await standing()).toEqual(AT_PRO)
  })

  test('must be put right before anything else is done, except to delete it', async () => {
    estate.fault('hetzner', 'POST /servers/{id}/actions/change_type', 'refuse', {
      code: 'resource_unavailable',
    })
    begin(await choose())
    await estate.live()
    expect(suspend).toThrow('has stopped half-way. Retry or undo it first; then it can be suspended.')
    expect(choose()).rejects.toThrow('has stopped half-way')
    estate.do((tx, services, id, asked) => deleteTenant(tx, services, id, { ...asked, coolOffDays: 0 }))
    await estate.live()
    expect(await estate.holdings()).toMatchObject({ servers: 0, records: 0, subscriptions: 0 })
  })
})

describe('a change that is cancelled', () => {
  for (const step of ['power-off', 'change-type', 'wait-for-agent']) {
    test(`while it waits at ${step} has everything as it was`, async () => {
      begin(await choose())
      await estate.liveUntil(`${step}: waiting`, () => mend(cancel))
      await estate.live()
      expect(estate.run.status).toBe('cancelled')
      expect(await standing()).toEqual(AT_STARTER)
    })
  }
})

test('a server that a run left off, which an older database has forgotten, has nothing left to stop', async () => {
  const { externalId } = serverOf(estate.db.read, estate.tenant.id)
  await estate.services.cloud.powerOff(externalId ?? '')
  await changeTo(PRO)
  expect(estate.run.status).toBe('succeeded')
  expect(await standing()).toEqual(AT_PRO)
})

test('a server that such a run has given its type already is switched on', async () => {
  const { externalId } = serverOf(estate.db.read, estate.tenant.id)
  const until = async (is: Partial<CloudServer>) => {
    for (;;) {
      const server = await estate.services.cloud.getServer(externalId ?? '')
      if (server && Bun.deepMatch(is, server)) return
      await Bun.sleep(1)
    }
  }
  await estate.services.cloud.powerOff(externalId ?? '')
  await until({ status: 'off' })
  await estate.services.cloud.changeServerType(externalId ?? '', 'ccx13')
  await until({ serverType: 'ccx13' })
  await changeTo(PRO)
  expect(estate.run.status).toBe('succeeded')
  expect(await standing()).toMatchObject({ plan: PRO, type: 'ccx13', power: 'running', status: 200 })
})

test('a server that takes no notice of a shutdown has its power cut after a minute', async () => {
  const change = await choose()
  begin(change)
  // Its system says that it was asked, and stays as it is.
  const deaf = (services: Services): Services => ({
    ...services,
    cloud: { ...services.cloud, shutdown: async () => null },
  })
  await estate.live(deaf)
  expect(await standing()).toEqual(AT_PRO)
  expect(estate.exchanges.filter(({ path }) => path.endsWith('/actions/poweroff'))).toHaveLength(1)
})
