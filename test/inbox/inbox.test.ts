import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { inbox } from '../../src/db/schema'
import { failedEvents, retryEvent } from '../../src/inbox/failed'
import { receiveEvent } from '../../src/inbox/inbox'
import { PAID_ONCE, Till } from '../billing/till'
import { plansOf } from '../query-plans'

const RETRIEVE = 'GET /checkout/sessions/:id'

let till: Till
beforeEach(() => {
  till = new Till()
})
afterEach(() => till.close())

const down = (times: number) =>
  till.account.front.faults.add({ provider: 'stripe', verb: RETRIEVE, kind: 'refuse', status: 503, times })

/** An event as the webhook's route hands it over. */
function receive(id: string, type: string, objectId: string | null): void {
  const event = { id, type, objectId, createdAt: till.clock.now(), livemode: false }
  till.db.write((tx) => receiveEvent(tx, event, till.clock.now()))
}

const row = (id: string) =>
  till.db.read
    .select()
    .from(inbox)
    .all()
    .find(({ eventId }) => eventId === id)

describe('an event', () => {
  test('is acted on later when Stripe can’t be asked, ever more rarely, and then counts', async () => {
    const id = till.signup()
    await till.pay(await till.open(id))
    down(3)
    await till.later()
    expect(till.events).toMatchObject([
      { status: 'received', attempts: 1, availableAt: till.clock.now() + 500 },
    ])
    await till.later(500)
    expect(till.events).toMatchObject([{ attempts: 2, availableAt: till.clock.now() + 1_000 }])
    await till.later(1_000)
    await till.later(2_000)
    expect(till.events).toMatchObject([{ status: 'processed', reason: null }])
    expect(till.count()).toEqual(PAID_ONCE)
  })

  test('is given up after twenty tries, is shown with its reason, and can be tried again by hand', async () => {
    const id = till.signup()
    await till.pay(await till.open(id))
    down(1_000)
    for (let tries = 0; tries < 25; tries++) await till.later(300_000)
    const [event] = till.events
    expect(event).toMatchObject({ status: 'failed', attempts: 20, reason: 'Stripe failed.' })
    for (const { id } of till.account.front.faults.list()) till.account.front.faults.remove(id)
    till.db.write((tx) => retryEvent(tx, event!.eventId, { id: 'test' }, till.clock.now()))
    await till.settle()
    expect(till.events).toMatchObject([{ status: 'processed' }])
    expect(till.count()).toEqual(PAID_ONCE)
  })

  test('that failed is found by an index, however many others there are: the overview asks all the time', () => {
    expect(plansOf(till.db.sqlite, () => failedEvents(till.db.read, 20))).toEqual([
      'SCAN inbox USING INDEX inbox_failed',
    ])
  })

  test('about something that Stripe does not know fails at once', async () => {
    receive('evt_1', 'checkout.session.completed', 'cs_test_nothing')
    await till.settle()
    expect(row('evt_1')).toMatchObject({
      status: 'failed',
      attempts: 1,
      reason: 'Stripe does not know this object.',
    })
  })

  test('of a type that Atlas does not act on is kept and left alone, also about a checkout', async () => {
    receive('evt_1', 'checkout.session.flown_to_the_moon', 'cs_test_nothing')
    await till.settle()
    expect(row('evt_1')).toMatchObject({ status: 'ignored', attempts: 0 })
    expect(till.account.exchanges).toEqual([])
  })

  test('without an object has nothing to say', async () => {
    receive('evt_1', 'checkout.session.completed', null)
    await till.settle()
    expect(row('evt_1')).toMatchObject({ status: 'processed' })
  })

  test('that comes again after it was dealt with is not dealt with again', async () => {
    receive('evt_1', 'checkout.session.completed', null)
    await till.settle()
    const before = row('evt_1')
    till.clock.advance(1_000)
    receive('evt_1', 'checkout.session.completed', null)
    await till.settle()
    expect(row('evt_1')).toEqual(before!)
  })
})
