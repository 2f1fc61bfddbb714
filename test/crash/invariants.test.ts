import { beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { openShop } from '../../src/crashtest/bases'
import type { End } from '../../src/crashtest/end'
import { INVARIANTS } from '../../src/crashtest/invariants'
import type { Land } from '../../src/crashtest/land'
import { endOf, play } from '../../src/crashtest/play'
import type { Shop } from '../../src/crashtest/shop'
import type { Story } from '../../src/crashtest/story'
import { effects, outbox, payments, runs, secrets, servers, tenants } from '../../src/db/schema'

const TIMEOUT_MS = 60_000
const story: Story = {
  seed: 1,
  customers: [{ name: 'ada', plan: 'starter', isLive: true, acts: [{ kind: 'back up', after: 1_000 }] }],
  deaths: [],
  weather: 0,
  outages: [],
  jumps: [],
}

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})

/** What is changed at the end of a good story, and the words of the invariant that must notice. */
const BROKEN: [words: string, change: (end: End, land: Land) => Partial<End>][] = [
  ['exactly one server', ({ holds }) => ({ holds: { ...holds, servers: [] } })],
  ['exactly one server', ({ holds }) => ({ holds: { ...holds, servers: twice(holds.servers) } })],
  ['exactly one A record', ({ holds }) => ({ holds: { ...holds, records: [] } })],
  ['two subscriptions', ({ holds }) => ({ holds: { ...holds, subscriptions: twice(holds.subscriptions) } })],
  ['price of the plan', () => ({ priceOf: () => 'price_of_another' })],
  [
    'known to have paid',
    ({ holds }) => ({
      holds: {
        ...holds,
        checkouts: holds.checkouts.map((one) => ({ ...one, client_reference_id: 'nobody' })),
      },
    }),
  ],
  ['so is their payment', (_end, { db }) => written(() => db.write((tx) => tx.delete(payments).run()))],
  [
    'can still be paid',
    ({ holds }) => ({
      holds: { ...holds, checkouts: holds.checkouts.map((one) => ({ ...one, status: 'open' })) },
    }),
  ],
  ['app of an active tenant', ({ holds }) => ({ holds: { ...holds, apps: [] } })],
  ['exactly one accepted mail', ({ holds }) => ({ holds: { ...holds, mails: [] } })],
  ['No mail is sent twice', ({ holds }) => ({ holds: { ...holds, mails: twice(holds.mails) } })],
  [
    'none is left over',
    (_end, { db }) => written(() => db.write((tx) => tx.update(outbox).set({ status: 'failed' }).run())),
  ],
  [
    'nobody’s',
    (_end, { db }) => written(() => db.write((tx) => tx.update(tenants).set({ status: 'deleting' }).run())),
  ],
  ['nobody’s', ({ holds }) => ({ holds: { ...holds, objects: [{ ...holds.objects[0]!, key: 'another' }] } })],
  ['not ours', () => ({ seen: ['dangling: a name points to somebody else’s address'] })],
  [
    'knows the host key',
    (_end, { db }) => written(() => db.write((tx) => tx.update(servers).set({ hostKey: 'another' }).run())),
  ],
  [
    'secrets of a live tenant',
    ({ holds }) => ({
      holds: {
        ...holds,
        machines: holds.machines.map((one) => ({ ...one, rotated: { DATABASE_PASSWORD: 'another' } })),
      },
    }),
  ],
  [
    'none is half changed',
    (_end, { db }) =>
      written(() =>
        db.write((tx) =>
          tx
            .update(secrets)
            .set({ nextSealed: Buffer.alloc(1) })
            .run(),
        ),
      ),
  ],
  [
    'taken back leaves the tenant',
    (_end, { db }) =>
      written(() => {
        const { id } = db.read.select().from(servers).get()!
        const input = JSON.stringify({ serverId: id })
        db.write((tx) => tx.update(runs).set({ kind: 'move', status: 'cancelled', input }).run())
      }),
  ],
  ['share one firewall', ({ holds }) => ({ holds: { ...holds, firewalls: twice(holds.firewalls) } })],
  ['unpaid for more than an hour', () => ({ seen: ['payer: ada was active without a subscription'] })],
  [
    'customer wrote is still there',
    ({ holds }) => ({
      holds: { ...holds, machines: holds.machines.map((one) => ({ ...one, data: { notes: [] } })) },
    }),
  ],
  [
    'customer wrote is still there',
    ({ holds }) => ({
      holds: {
        ...holds,
        machines: holds.machines.map((one) => ({ ...one, data: { notes: ['another’s'] } })),
      },
    }),
  ],
  ['backup that is kept', ({ holds }) => ({ holds: { ...holds, objects: [] } })],
  [
    'last copy of a deleted tenant',
    ({ nowMs }, { db }) =>
      written(() => {
        const become = (change: Partial<typeof tenants.$inferInsert>) =>
          db.write((tx) => tx.update(tenants).set(change).run())
        become({ status: 'deleting' })
        become({ status: 'deleted', deletedAt: nowMs })
      }),
  ],
  [
    'within 24 hours',
    (_end, { db }) =>
      written(() =>
        db.write((tx) => tx.update(runs).set({ status: 'waiting' }).where(eq(runs.kind, 'backup')).run()),
      ),
  ],
  ['within 24 hours', () => ({ seen: ['slow: a run took 25 hours'] })],
  [
    'has an outcome',
    (_end, { db }) => written(() => db.write((tx) => tx.update(effects).set({ outcome: 'intended' }).run())),
  ],
  [
    'ran twice',
    ({ holds }) => ({
      holds: { ...holds, machines: holds.machines.map((one) => ({ ...one, commands: twice(one.commands) })) },
    }),
  ],
  ['still there', () => ({ seen: ['forgotten: 1 audit event'] })],
  ['press at once', () => ({ seen: ['both were told yes: suspend ada'] })],
  ['did not foresee', () => ({ complaints: ['{"level":"error","code":"internal","stack":[]}'] })],
]

test.each(BROKEN)(
  'what is otherwise is noticed: %s',
  async (words, change) => {
    let noticed: string[] = []
    await play(shop, story, { rests: 0 }, (land) => {
      const end = endOf(land, shop)
      expect(INVARIANTS.flatMap(({ broken }) => broken(end))).toEqual([])
      const other = { ...end, ...change(end, land) }
      noticed = INVARIANTS.flatMap(({ always, broken }) => broken(other).map((what) => `${always} ${what}`))
    })
    expect(noticed.join('\n')).toContain(words)
  },
  TIMEOUT_MS,
)

test('every invariant has something above that breaks it', () => {
  const sentences = INVARIANTS.map(({ always }) => always)
  const unbroken = sentences.filter((always) => !BROKEN.some(([words]) => always.includes(words)))
  expect(unbroken).toEqual([])
})

const twice = <T>(list: readonly T[]): T[] => [...list, ...list]

/** What is changed in the database itself is there for whoever looks. */
function written(change: () => unknown): Partial<End> {
  change()
  return {}
}
