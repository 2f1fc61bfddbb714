import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { GRACE_PERIOD_MS } from '../../src/billing/standing'
import { debtOf } from '../../src/billing/unpaid'
import { releases, runs, tenants } from '../../src/db/schema'
import { followMoney, REST_MS } from '../../src/lifecycle/follow-money'
import { suspendTenant } from '../../src/lifecycle/suspension'
import { leaveNoReturn, passNoReturn } from '../../src/releases/no-return'
import { Tenancy } from '../billing/tenancy'
import { Till } from '../billing/till'

const DAY_MS = 86_400_000

let till: Till
let ada: Tenancy
beforeEach(async () => {
  till = new Till()
  ada = await Tenancy.open(till)
})
afterEach(() => till.close())

const twin = () => till.account.twin
const follow = () => followMoney(till.services)

/** The next renewal fails, and Atlas hears of it. */
async function fallBehind(): Promise<number> {
  twin().failNextCharge(ada.customerId)
  twin().renewNow(ada.stripeId)
  await till.later()
  return ada.subscription.unpaidSince!
}

async function suspendUnpaid(): Promise<void> {
  const unpaidSince = await fallBehind()
  await till.later(unpaidSince + GRACE_PERIOD_MS - till.clock.now())
  await follow()
  ada.finishRun()
}

describe('a tenant whose card declines', () => {
  test('is resumed when it is paid again, but not before its release can live with its data', async () => {
    await suspendUnpaid()
    const { tenantId: id } = ada
    const release = { id: 'rel_43', blueprint: ada.tenant.blueprint, tag: 'v43', notes: '', images: '[]' }
    till.db.write((tx) => {
      const told = { migration: 'contract', backup: false, createdBy: 'test', createdAt: 1 } as const
      tx.insert(releases)
        .values({ ...release, ...told })
        .run()
      passNoReturn(tx, id, release, till.clock.now())
    })
    twin().payOpenInvoice(ada.stripeId)
    await till.later()
    await follow()
    expect(ada.runs.map(({ kind }) => kind)).toEqual(['suspend'])
    till.db.write((tx) => leaveNoReturn(tx, id))
    await follow()
    expect(ada.runs.map(({ kind }) => kind)).toEqual(['suspend', 'resume'])
  })

  test('runs for seven days to the millisecond and is suspended then, once', async () => {
    const unpaidSince = await fallBehind()
    expect(ada.subscription).toMatchObject({ status: 'past_due' })
    const debt = { unpaidSince, suspendsAt: unpaidSince + GRACE_PERIOD_MS }
    expect(debtOf(till.db.read, ada.organizationId)).toEqual(debt)
    await till.later(unpaidSince + GRACE_PERIOD_MS - 1 - till.clock.now())
    await follow()
    expect(ada.runs).toEqual([])
    await till.later(1)
    await follow()
    await follow()
    expect(ada.runs).toMatchObject([{ kind: 'suspend', input: JSON.stringify({ because: 'unpaid' }) }])
    ada.finishRun()
    await follow()
    expect(ada.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'unpaid' })
    expect(ada.runs).toHaveLength(1)
  })

  test('is told to the operator once, however often the bank says no', async () => {
    await fallBehind()
    for (let day = 0; day < 20; day++) await till.later(DAY_MS)
    expect(ada.mailsToOperator).toHaveLength(1)
    const [mail] = till.stage.mails().filter(({ subject }) => subject.includes('has not paid'))
    expect(mail?.to).toBe('founder@example.com')
    expect(mail?.text).toContain('$29')
    expect(mail?.text).toContain(`/admin/tenants/${ada.tenantId}`)
    expect(ada.notes.map(({ action }) => action)).toEqual(['payment.failed'])
    expect(ada.payments.map(({ status }) => status)).toEqual(['paid', 'failed'])
  })

  test('comes back as soon as the word of the payment is there', async () => {
    await suspendUnpaid()
    twin().payOpenInvoice(ada.stripeId)
    await till.later()
    expect(ada.runs.map(({ kind }) => kind)).toEqual(['suspend', 'resume'])
    ada.finishRun()
    expect(ada.tenant).toMatchObject({ status: 'active', suspendedFor: null })
    expect(debtOf(till.db.read, ada.organizationId)).toBeNull()
    expect(ada.notes.map(({ action }) => action)).toEqual(['payment.failed', 'payment.recovered'])
    expect(ada.payments.map(({ status }) => status)).toEqual(['paid', 'paid'])
  })

  test('is not suspended when it was paid and only the word of it was lost', async () => {
    const unpaidSince = await fallBehind()
    till.account.front.faults.add({ provider: 'stripe', verb: 'webhook', kind: 'refuse', times: 100 })
    await till.later(unpaidSince + GRACE_PERIOD_MS - till.clock.now())
    twin().payOpenInvoice(ada.stripeId)
    await follow()
    expect(ada.runs).toEqual([])
    expect(ada.subscription.status).toBe('active')
  })

  test('is left for the next round while Stripe can’t be asked', async () => {
    const unpaidSince = await fallBehind()
    await till.later(unpaidSince + GRACE_PERIOD_MS - till.clock.now())
    const refuse = { provider: 'stripe', verb: 'GET /subscriptions', kind: 'refuse', status: 503 } as const
    till.account.front.faults.add({ ...refuse, times: 1 })
    await follow()
    expect(ada.runs).toEqual([])
    expect(till.stage.lines.join()).toContain('could not follow its money')
    await follow()
    expect(ada.runs).toHaveLength(1)
  })

  test('that falls behind again and again is told of each time, and never suspended early', async () => {
    for (let times = 1; times <= 4; times++) {
      await fallBehind()
      for (let day = 0; day < 6; day++) {
        await till.later(DAY_MS)
        await follow()
      }
      twin().payOpenInvoice(ada.stripeId)
      await till.later()
      await follow()
      expect(ada.mailsToOperator).toHaveLength(times)
    }
    expect(ada.runs).toEqual([])
    expect(ada.notes.map(({ action }) => action)).toEqual(
      Array(4).fill(['payment.failed', 'payment.recovered']).flat(),
    )
  })

  test('owes since its first unpaid invoice, so a new one does not bring it back', async () => {
    await suspendUnpaid()
    twin().renewNow(ada.stripeId)
    await till.later()
    for (let day = 0; day < 10; day++) {
      await till.later(DAY_MS)
      await follow()
    }
    expect(ada.runs).toHaveLength(1)
    expect(ada.mailsToOperator).toHaveLength(1)
    expect(ada.tenant.status).toBe('suspended')
  })
})

describe('a tenant whose subscription is canceled', () => {
  test('is suspended at once, and comes back when its customer subscribes again', async () => {
    twin().cancelByCustomer(ada.stripeId)
    await till.later()
    ada.finishRun()
    expect(ada.tenant).toMatchObject({ status: 'suspended', suspendedFor: 'canceled' })
    expect(ada.subscription).toMatchObject({ status: 'canceled', canceledAt: expect.any(Number) })
    const again = subscribeAgain()
    twin().renewNow(again)
    await till.later()
    expect(ada.subscription).toMatchObject({ status: 'active', stripeId: again })
    ada.finishRun()
    expect(ada.tenant).toMatchObject({ status: 'active', suspendedFor: null })
  })

  test('runs to the end of its period when it was canceled for then', async () => {
    await till.account.call('POST', `/subscriptions/${ada.stripeId}`, { cancel_at_period_end: 'true' })
    await till.later()
    expect(ada.subscription).toMatchObject({ status: 'active', cancelAtPeriodEnd: true })
    await till.later(ada.subscription.currentPeriodEnd - 1 - till.clock.now())
    await follow()
    expect(ada.runs).toEqual([])
    await till.later(2_000)
    expect(ada.runs).toMatchObject([{ kind: 'suspend', input: JSON.stringify({ because: 'canceled' }) }])
  })

  test('is known to have ended also when its customer was deleted at Stripe', async () => {
    const { store } = twin()
    twin().cancelByCustomer(ada.stripeId)
    store.customers.delete(ada.customerId)
    await till.later()
    expect(ada.subscription.status).toBe('canceled')
    expect(ada.runs).toHaveLength(1)
  })

  /** Another subscription of the same customer, as the operator would sell it at Stripe. */
  function subscribeAgain(): string {
    const { store } = twin()
    const old = store.subscriptions.get(ada.stripeId)!
    const ended = { canceled_at: null, ended_at: null, status: 'active' as const }
    return store.subscriptions.put({ ...old, ...ended, ...store.base('sub') }).id
  }
})

describe('money leaves alone', () => {
  test('what an operator has suspended', async () => {
    till.db.write((tx) => tx.update(tenants).set({ status: 'suspended', suspendedFor: 'operator' }).run())
    twin().renewNow(ada.stripeId)
    await till.later()
    await follow()
    expect(ada.runs).toEqual([])
  })

  test('a tenant that a run is at work on, until the run has ended', async () => {
    const run = till.db.read.select().from(runs).get()!
    till.db.write((tx) => tx.update(runs).set({ status: 'running' }).where(eq(runs.id, run.id)).run())
    twin().cancelByCustomer(ada.stripeId)
    await till.later()
    await follow()
    expect(ada.runs).toEqual([])
    till.db.write((tx) => tx.update(runs).set({ status: 'succeeded' }).where(eq(runs.id, run.id)).run())
    await follow()
    expect(ada.runs).toHaveLength(1)
  })

  test.each(['provisioning', 'failed', 'deleting', 'deleted'] as const)(
    'a tenant that is %s',
    async (status) => {
      till.db.write((tx) => tx.run(`DROP TRIGGER tenants_transition`))
      till.db.write((tx) => tx.update(tenants).set({ status }).run())
      twin().cancelByCustomer(ada.stripeId)
      await till.later()
      await follow()
      expect(ada.runs).toEqual([])
    },
  )

  test.each(['succeeded', 'failed', 'cancelled'] as const)(
    'what failed only until another run, which %s, has taken its place',
    async (status) => {
      twin().cancelByCustomer(ada.stripeId)
      await till.later()
      ada.breakRun('failed')
      await till.later(1)
      const asked = { actor: { id: 'test' }, nowMs: till.clock.now() }
      till.db.write((tx) => suspendTenant(tx, till.services, ada.tenantId, { ...asked, because: 'operator' }))
      till.db.write((tx) => {
        const queued = eq(runs.status, 'queued')
        tx.update(runs).set({ kind: 'deploy', status }).where(queued).run()
      })
      await follow()
      expect(ada.runs).toHaveLength(2)
    },
  )

  test.each(['failed', 'cancelled'] as const)('a day long what was %s', async (status) => {
    twin().cancelByCustomer(ada.stripeId)
    await till.later()
    ada.breakRun(status)
    const brokenAt = ada.runs[0]!.createdAt
    await till.later(brokenAt + REST_MS - till.clock.now())
    await follow()
    expect(ada.runs).toHaveLength(1)
    await till.later(1)
    await follow()
    expect(ada.runs).toHaveLength(2)
  })
})
