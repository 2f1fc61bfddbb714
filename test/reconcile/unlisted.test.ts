import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { reconciliations, subscriptions } from '../../src/db/schema'
import { listQuotas } from '../../src/quotas/quotas'
import { unlookedKinds } from '../../src/reconcile/compare'
import { KINDS } from '../../src/reconcile/difference'
import { countsOf, latestReconciliation, unlistedOf } from '../../src/reconcile/reconcile'
import { SOURCES, type Source } from '../../src/reconcile/source'
import { Shore } from './shore'

const HOUR_MS = 3_600_000

let shore: Shore
beforeEach(async () => {
  shore = await Shore.open()
  // One thing that is wrong at each of them.
  shore.stray()
  shore.store('ten_lost', new Uint8Array(3))
  shore.point('shop2.localhost', ['203.0.113.9'])
  const { stripeId } = shore.services.db.read.select().from(subscriptions).get()!
  shore.estate.stage.payments.changeSubscription(stripeId, { amount: 100 })
  await shore.look()
  shore.pass(HOUR_MS)
})
afterEach(() => shore.close())

const latest = () => latestReconciliation(shore.services.db.read)!
const sightings = () => Object.fromEntries(shore.findings().map(({ kind, sightings }) => [kind, sightings]))

function takeDown(source: Source): void {
  if (source === 'stripe') shore.estate.stage.payments.isDown = true
  else shore.estate.fault(source, '*', 'refuse', { times: 1e6, ...REFUSALS[source] })
}

const REFUSALS = {
  hetzner: { code: 'maintenance' },
  s3: { code: 'AccessDenied' },
  route53: { code: 'AccessDenied' },
}

function bringBack(): void {
  const { faults } = shore.estate.clouds.front
  for (const { id } of faults.list()) faults.remove(id)
  shore.estate.stage.payments.isDown = false
}

/** How often each is seen when a source is there for the first look only: a record needs the servers' addresses too. */
const SEEN: Record<Source, Record<string, number>> = {
  hetzner: { record_foreign: 1, server_unknown: 1, amount_differs: 2, backup_left: 2 },
  s3: { record_foreign: 2, server_unknown: 2, amount_differs: 2, backup_left: 1 },
  route53: { record_foreign: 1, server_unknown: 2, amount_differs: 2, backup_left: 2 },
  stripe: { record_foreign: 2, server_unknown: 2, amount_differs: 1, backup_left: 2 },
}

describe.each([...SOURCES])('with %s down', (source) => {
  test('a look tells of everything else, and what it could not list neither counts as seen nor as missing', async () => {
    takeDown(source)
    await shore.look()
    expect(latest()).toMatchObject({ status: 'complete', error: null })
    expect(sightings()).toEqual(SEEN[source])
    const [first, ...others] = unlistedOf(latest())
    expect([first?.source, others]).toEqual([source, []])
    expect(first?.error).not.toBe('')
    expect(shore.findings('resolved').map(({ kind }) => kind)).toEqual(['subscription_differs'])
  })

  test('looks say since when, until one lists it again', async () => {
    takeDown(source)
    await shore.look()
    const { since } = unlistedOf(latest())[0]!
    expect(since).toBeGreaterThanOrEqual(latest().startedAt)
    shore.pass(HOUR_MS)
    await shore.look()
    expect(unlistedOf(latest())).toMatchObject([{ source, since }])
    bringBack()
    await shore.look()
    expect(latest()).toMatchObject({ status: 'complete', unlisted: null })
    expect(Object.values(sightings()).toSorted()).toEqual(
      Object.values(SEEN[source])
        .map((seen) => (seen === 1 ? 2 : 4))
        .toSorted(),
    )
  })
})

test('what one could list of a source before it broke is not counted as seen, nor as what is used', async () => {
  const quotas = () => listQuotas(shore.services.db.read).map(({ name, used }) => [name, used])
  const before = quotas()
  shore.estate.fault('hetzner', 'GET /volumes', 'refuse', { code: 'maintenance', times: 1e6 })
  shore.estate.clouds.hetzner.lose(shore.finding('server_unknown').externalId!)
  await shore.look()
  expect(countsOf(latest())).not.toHaveProperty('servers')
  expect(countsOf(latest())).toHaveProperty('records')
  expect(quotas()).toEqual(before)
})

test('with everybody down nothing is known, and nothing that was known changes', async () => {
  for (const source of SOURCES) takeDown(source)
  await shore.look()
  expect(unlistedOf(latest()).map(({ source }) => source)).toEqual([...SOURCES])
  expect(Object.values(sightings())).toEqual([1, 1, 1, 1])
  expect(shore.services.db.read.select().from(reconciliations).all()).toHaveLength(2)
})

test('every kind is found by one comparison, which says what it needs', () => {
  const unlisted = SOURCES.map((source) => ({ source, error: '' }))
  expect(unlookedKinds({ unlisted }).toSorted()).toEqual([...KINDS].toSorted())
  expect(unlookedKinds({ unlisted: [] })).toEqual([])
})
