import { afterEach, expect, test } from 'bun:test'
import { syncCheckout } from '../../src/billing/checkout'
import { startCheckout } from '../../src/billing/start'
import type { Services } from '../../src/services'
import { CUSTOMER, PAID_ONCE, Till } from '../billing/till'
import { Dead, Fate, MortalDb, mortal } from './fate'

let till: Till | undefined
afterEach(() => till?.close())

async function newTill(): Promise<Till> {
  await till?.close()
  till = new Till()
  return till
}

/** What a customer does, looking each time how far they are; Atlas may die on them at any moment. */
type Errand = (till: Till, services: Services) => Promise<void>

const buy: Errand = async (till, services) => {
  const [signup] = till.signups
  if (signup?.status !== 'paid') {
    const { url } = await startCheckout(services, CUSTOMER, { id: 'visitor' })
    if (till.sessions.every(({ status }) => status === 'open')) await till.pay(url ?? '')
  }
  await syncCheckout(services, till.signups[0]?.checkoutId ?? '')
}

const changePlan: Errand = async ({ clock }, services) => {
  clock.advance(1_000)
  await startCheckout(services, { ...CUSTOMER, plan: 'pro' }, { id: 'visitor' })
}

test('a crash at every moment of a purchase: one checkout, one subscription, one payment', () =>
  crashAtEach(buy, 'during createCheckout', (till) => {
    expect(till.count()).toEqual(PAID_ONCE)
    expect(till.sessions.map(({ status }) => status)).toEqual(['complete'])
    expect(till.account.world.table('stripe_subscriptions').all()).toHaveLength(1)
  }))

test('a crash at every moment of a change of plan: only the new checkout can be paid', () =>
  crashAtEach(
    changePlan,
    'during expireCheckout',
    (till) => {
      const open = till.sessions.filter(({ status }) => status === 'open')
      expect(open.map(({ amount_total }) => amount_total)).toEqual([7_900])
      expect(till.statuses()).toEqual(['expired', 'pending'])
    },
    async (till) => {
      await till.start()
    },
  ))

async function crashAtEach(
  errand: Errand,
  hit: string,
  check: (till: Till) => void,
  prepare: (till: Till) => Promise<void> = async () => {},
): Promise<void> {
  const deaths: string[] = []
  for (let number = 0; ; number++) {
    const till = await newTill()
    await prepare(till)
    const fate = new Fate(number)
    const lived = await errand(till, livedBy(till, fate)).catch((thrown) => {
      if (!isDeath(thrown)) throw thrown
    })
    expect(lived).toBeUndefined()
    if (fate.isDead) await errand(till, livedBy(till, new Fate()))
    check(till)
    if (!fate.isDead) break
    deaths.push(fate.moments.at(-1) ?? '')
  }
  expect(deaths).toContain(hit)
  expect(deaths.filter((moment) => moment === 'commit').length).toBeGreaterThan(4)
}

function livedBy({ services }: Till, fate: Fate): Services {
  return { ...services, ...mortal(services, fate), db: new MortalDb(services.db.sqlite, fate) }
}

/** However it was wrapped on its way out. */
function isDeath(thrown: unknown): boolean {
  return thrown instanceof Dead || (thrown instanceof Error && isDeath(thrown.cause))
}
