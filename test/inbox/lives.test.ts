import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { GRACE_PERIOD_MS, wantedStanding } from '../../src/billing/standing'
import { chanceFrom } from '../../src/crashtest/chance'
import { inbox } from '../../src/db/schema'
import { refetchMoney } from '../../src/inbox/refetch'
import { followMoney } from '../../src/lifecycle/follow-money'
import { Tenancy } from '../billing/tenancy'
import { Till } from '../billing/till'

const HOUR_MS = 3_600_000
const NAMES = ['ada', 'bea']
/** More of them, such as the ten thousand of the bar, are lived on purpose: LIVES=10000 bun test test/billing/lives.test.ts */
const LIVES = Number(process.env.LIVES ?? 12)
/** How far events are shuffled: a new one may overtake those of many minutes ago. */
const SPREAD_MS = 12_000

const ACTS = [
  'decline',
  'declineOnce',
  'pay',
  'renew',
  'cancel',
  'cancelLater',
  'upgrade',
  'again',
  'rest',
] as const
type Act = { act: (typeof ACTS)[number]; who: number; hours: number }

const act: fc.Arbitrary<Act> = fc.record({
  act: fc.constantFrom(...ACTS),
  who: fc.nat(NAMES.length - 1),
  hours: fc.constantFrom(0, 1, 5, 30, 72, 24 * 8, 24 * 32),
})
const life = fc.record({ acts: fc.array(act, { minLength: 5, maxLength: 14 }), seed: fc.nat() })

test(
  'whatever happens to subscriptions and whatever becomes of the events, our rows end as Stripe’s',
  async () => {
    await fc.assert(
      fc.asyncProperty(life, (one) => live(one)),
      { numRuns: LIVES },
    )
  },
  LIVES * 5_000,
)

test('and so they do when no event comes for three days', async () => {
  const acts = [
    { act: 'decline', who: 0, hours: 24 * 32 },
    { act: 'cancel', who: 1, hours: 1 },
    { act: 'upgrade', who: 0, hours: 72 },
  ] as const
  await live({ acts: [...acts], seed: 1 }, 1)
})

/** Events are shuffled, sent twice, and a share of them is lost; then everything is asked for once. */
async function live({ acts, seed }: { acts: Act[]; seed: number }, lost = 0.2): Promise<void> {
  const chance = chanceFrom(seed)
  let isCalm = true
  const till = new Till({ lose: () => !isCalm && chance() < lost })
  try {
    const people: Tenancy[] = []
    for (const name of NAMES) people.push(await Tenancy.open(till, name))
    isCalm = false
    till.account.twin.disorder({ spreadMs: SPREAD_MS, duplicateShare: 0.5 })
    for (const one of acts) {
      await happen(till, people[one.who]!, one.act)
      await pass(till, people, one.hours)
    }
    await refetchMoney(till.services)
    await followMoney(till.services)
    for (const one of people) await judge(till, one)
    expect(
      till.db.read
        .select()
        .from(inbox)
        .all()
        .filter(({ status }) => status === 'failed'),
    ).toEqual([])
  } finally {
    await till.close()
  }
}

async function happen({ account, clock }: Till, { customerId }: Tenancy, what: Act['act']): Promise<void> {
  const { twin } = account
  const [latest] = twin.store.by.subscriptions.of(customerId).slice(-1)
  if (!latest) throw new Error('everybody has a subscription')
  const hasEnded = latest.status === 'canceled'
  if (what === 'decline' || what === 'declineOnce')
    twin.failNextCharge(customerId, what === 'decline' ? null : 1)
  if (what === 'again' && hasEnded) {
    const { id: _, ...fresh } = { ...latest, status: 'active' as const, canceled_at: null, cancel_at: null }
    const base = twin.store.base('sub')
    twin.store.subscriptions.put({ ...fresh, ...base, cancel_at_period_end: false, ended_at: null })
    twin.renewNow(base.id)
  }
  if (hasEnded) return
  if (what === 'pay') twin.payOpenInvoice(latest.id)
  if (what === 'renew') twin.renewNow(latest.id)
  if (what === 'cancel') twin.cancelByCustomer(latest.id)
  const path = `/subscriptions/${latest.id}`
  if (what === 'cancelLater') await account.call('POST', path, { cancel_at_period_end: 'true' })
  if (what === 'upgrade') await account.payments.changePrice(latest.id, 'price_pro', `up-${clock.now()}`)
}

/** Hours go by; money is followed as the schedule would, and nobody is suspended before their time. */
async function pass(till: Till, people: Tenancy[], hours: number): Promise<void> {
  const steps = hours < 24 ? 1 : 4
  for (let step = 0; step < steps; step++) {
    await till.later((hours * HOUR_MS) / steps)
    for (let waves = 0; waves < 3; waves++) await till.later(SPREAD_MS / 2)
    await followMoney(till.services)
    for (const one of people) {
      await notEarly(till, one)
      one.finishRun()
    }
  }
}

async function notEarly(till: Till, one: Tenancy): Promise<void> {
  const queued = one.runs.find(({ status, kind }) => status === 'queued' && kind === 'suspend')
  if (!queued?.input.includes('unpaid')) return
  const { unpaidSince } = await till.account.payments.getSubscription(one.subscription.stripeId)
  expect(queued.createdAt - unpaidSince!).toBeGreaterThanOrEqual(GRACE_PERIOD_MS)
}

async function judge(till: Till, one: Tenancy): Promise<void> {
  const { payments: stripe } = till.account
  const [latest] = await stripe.listSubscriptions(one.customerId)
  const {
    id: stripeId,
    latestPayment: _,
    signupId: _signup,
    createdAt: _at,
    customerId: _who,
    ...truth
  } = latest!
  expect(one.subscription).toMatchObject({ stripeId, ...truth })
  const invoices = await stripe.listInvoices(one.customerId)
  const owed = invoices.map(({ invoiceId, amount, status, paidAt }) => ({
    invoiceId,
    amount,
    status,
    paidAt,
  }))
  const known = one.payments.map(({ stripeInvoiceId, amount, status, paidAt }) => {
    return { invoiceId: stripeInvoiceId, amount, status, paidAt }
  })
  expect(known).toEqual(owed.toSorted((a, b) => (a.invoiceId < b.invoiceId ? -1 : 1)))
  one.finishRun()
  const wanted = wantedStanding(one.subscription, till.clock.now())
  expect(one.tenant.status).toBe(wanted.standing)
  // One after the other: never suspended twice, and no mail without the note that it is about.
  expect(one.runs.map(({ kind }) => kind)).toEqual(
    one.runs.map((_, index) => (index % 2 === 0 ? 'suspend' : 'resume')),
  )
  const noted = one.notes.filter(({ action }) => action === 'payment.failed')
  expect(one.mailsToOperator).toHaveLength(noted.length)
}
