import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { syncMoney } from '../../src/billing/sync'
import { replaced } from '../../src/crashtest/plain'
import { inbox, organizations } from '../../src/db/schema'
import { receiveEvent } from '../../src/inbox/inbox'
import { Tenancy } from './tenancy'
import { Till } from './till'

let till: Till
let ada: Tenancy
beforeEach(async () => {
  till = new Till()
  ada = await Tenancy.open(till)
})
afterEach(() => till.close())

const events = (type: string) => till.db.read.select().from(inbox).where(eq(inbox.type, type)).all()

/** An event as the webhook's route hands it over. */
async function receive(type: string, objectId: string): Promise<void> {
  const event = { id: `evt_${type}`, type, objectId, createdAt: till.clock.now(), livemode: false }
  till.db.write((tx) => receiveEvent(tx, event, till.clock.now()))
  await till.settle()
}

describe('an event of money', () => {
  test('is kept with whom it is about, also when the checkout came after it', async () => {
    till.account.twin.renewNow(ada.stripeId)
    await till.later()
    for (const type of ['invoice.paid', 'invoice.payment_succeeded', 'customer.subscription.updated']) {
      expect(events(type).at(-1)).toMatchObject({ status: 'processed', subject: ada.organizationId })
    }
    const [signup] = till.signups
    expect(events('checkout.session.completed')[0]).toMatchObject({ subject: signup?.id ?? '' })
    expect(ada.payments.map(({ amount, status }) => [amount, status])).toEqual([
      [2900, 'paid'],
      [2900, 'paid'],
    ])
  })

  test('about a customer that bought nothing here is dealt with and changes nothing', async () => {
    const { store } = till.account.twin
    const customer = store.customers.put({ ...store.customers.get(ada.customerId)!, ...store.base('cus', 8) })
    const sold = store.subscriptions.get(ada.stripeId)!
    const foreign = store.subscriptions.put({ ...sold, ...store.base('sub'), customer: customer.id })
    const rent = store.invoices.all()[0]!
    const bill = store.invoices.put({ ...rent, ...store.base('in'), customer: customer.id })
    const before = till.count()
    await receive('customer.subscription.updated', foreign.id)
    await receive('invoice.paid', bill.id)
    expect(events('invoice.paid').at(-1)).toMatchObject({ status: 'processed', subject: null })
    expect(events('customer.subscription.updated').at(-1)).toMatchObject({
      status: 'processed',
      subject: null,
    })
    expect(till.count()).toEqual(before)
  })

  test('that finds nothing new writes down nothing new', async () => {
    const seen = () => {
      const { updatedAt: _, ...row } = ada.subscription
      return { row, payments: ada.payments, notes: ada.notes, mails: till.stage.mails().length }
    }
    const before = seen()
    await receive('customer.subscription.updated', ada.stripeId)
    expect(seen()).toEqual(before)
  })
})

describe('two looks at the same money', () => {
  test('are taken one after the other, so an old answer never overwrites a newer one', async () => {
    const held = Promise.withResolvers<void>()
    let asked = 0
    const payments = replaced(till.account.payments, {
      listInvoices: async (customerId) => {
        const answer = await till.account.payments.listInvoices(customerId)
        if (asked++ === 0) await held.promise
        return answer
      },
    })
    const services = { ...till.services, payments }
    const slow = syncMoney(services, ada.organizationId)
    while (asked === 0) await Bun.sleep(1)
    till.account.twin.cancelByCustomer(ada.stripeId)
    const quick = syncMoney(services, ada.organizationId)
    await Bun.sleep(10)
    expect(asked).toBe(1)
    held.resolve()
    await Promise.all([slow, quick])
    expect(ada.subscription.status).toBe('canceled')
  })

  test('do not wait for one that broke', async () => {
    const refuse = { provider: 'stripe', verb: 'GET /subscriptions', kind: 'refuse', status: 503 } as const
    till.account.front.faults.add({ ...refuse, times: 1 })
    const looks = [syncMoney(till.services, ada.organizationId), syncMoney(till.services, ada.organizationId)]
    const ends = await Promise.allSettled(looks)
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })
})

test('a subscription that no list shows any more is asked for by its id', async () => {
  const { payments } = till.account
  till.account.twin.cancelByCustomer(ada.stripeId)
  const blank = replaced(payments, { listSubscriptions: async () => [], listInvoices: async () => [] })
  await syncMoney({ ...till.services, payments: blank }, ada.organizationId)
  expect(ada.subscription.status).toBe('canceled')
})

test('money of an organization without a customer at Stripe can’t be asked for', async () => {
  till.db.write((tx) => tx.update(organizations).set({ stripeCustomerId: null }).run())
  await expect(syncMoney(till.services, ada.organizationId)).rejects.toMatchObject({ code: 'not_found' })
})

describe('a second subscription of the same customer', () => {
  /** As the operator makes it at Stripe, newer than what Atlas sold. */
  function make(change: { status: 'active' | 'past_due' | 'incomplete'; metadata?: Record<string, string> }) {
    const { store } = till.account.twin
    till.clock.advance(60_000)
    const sold = store.subscriptions.get(ada.stripeId)!
    return store.subscriptions.put({ ...sold, ...store.base('sub'), metadata: {}, ...change }).id
  }

  test.each(['active', 'past_due', 'incomplete'] as const)(
    'that is %p and made by hand is none of the tenant’s',
    async (status) => {
      const second = make({ status })
      await receive('customer.subscription.created', second)
      expect(ada.subscription).toMatchObject({ stripeId: ada.stripeId, status: 'active' })
    },
  )

  test('that was sold and never paid does not count beside the one that is', async () => {
    const { metadata } = till.account.twin.store.subscriptions.get(ada.stripeId)!
    const second = make({ status: 'incomplete', metadata })
    await receive('customer.subscription.created', second)
    expect(ada.subscription).toMatchObject({ stripeId: ada.stripeId, status: 'active' })
  })

  test('made by hand counts as soon as the one that was sold has ended', async () => {
    const second = make({ status: 'active' })
    till.account.twin.cancelByCustomer(ada.stripeId)
    await till.later()
    expect(ada.subscription).toMatchObject({ stripeId: second, status: 'active' })
    expect(ada.runs).toEqual([])
  })
})

test('a price of another plan makes the subscription that plan’s', async () => {
  await till.account.payments.changePrice(ada.stripeId, 'price_pro', 'up')
  await till.later()
  expect(ada.subscription).toMatchObject({ priceId: 'price_pro', planId: 'virtues/pro', amount: 7900 })
})
