import { beforeAll, describe, expect, test } from 'bun:test'
import { openShop } from '../../src/crashtest/bases'
import { KINDS } from '../../src/crashtest/kinds'
import { replaced } from '../../src/crashtest/plain'
import { type Ending, play } from '../../src/crashtest/play'
import { readStory } from '../../src/crashtest/read-story'
import type { Row, Task } from '../../src/crashtest/row'
import { cancelling } from '../../src/crashtest/rows/cancel'
import { control } from '../../src/crashtest/rows/control'
import { crashes } from '../../src/crashtest/rows/crashes'
import { crowd, poison } from '../../src/crashtest/rows/crowd'
import { lives } from '../../src/crashtest/rows/lives'
import { shrink } from '../../src/crashtest/shrink'
import type { Strike } from '../../src/crashtest/story'
import { writeStory } from '../../src/crashtest/write-story'
import type { Services } from '../../src/services'

// `bun run crashtest` does all of it; here is what fits into every run of the tests.
const TIMEOUT_MS = 300_000
const ONE_PAIR_OF = 499
const SEEDS = 120
/** Of what goes much the way of another kind, one of so many moments. */
const ONE_MOMENT_OF: Record<string, number> = { 'undo-unconfirmed': 3, 'restore-image': 3, 'undo-move': 3 }

let task: Task
beforeAll(async () => {
  const shop = await openShop()
  task = { shop, part: 0, of: 1, seed: 1, seeds: SEEDS, kinds: [], everyPair: ONE_PAIR_OF }
})

/** A row passes when nothing went wrong; which stories broke what is said otherwise. */
async function passes(row: Row, change: Partial<Task> = {}) {
  const found = await row.run({ ...task, ...change })
  expect(found.wrong.map(({ where, what }) => `${where}: ${what.join(' ')}`)).toEqual([])
  return found
}

describe('a crash at the moments of', () => {
  test.each(KINDS.map(({ name }) => name))(
    '%s, and some pairs of crashes',
    async (name) => {
      const { figures } = await passes(crashes, { kinds: [name], of: ONE_MOMENT_OF[name] ?? 1 })
      expect(figures.singles).toBeGreaterThan(15)
    },
    TIMEOUT_MS,
  )
})

describe('the same calls in plain functions', () => {
  test.each([
    ['provision', 'during hetzner POST /servers'],
    ['change-plan', 'after ssh settings'],
    ['delete', 'during hetzner POST /servers/{id}/actions/create_image'],
  ])(
    'break nothing without a crash, and with one at places that are named: %s',
    async (kind, place) => {
      const { figures } = await passes(control, { kinds: [kind] })
      const places = Object.keys(figures).filter((name) => name.startsWith(`${kind} breaks at`))
      expect(places).toContain(`${kind} breaks at ${place}`)
      expect(figures.broken).toBeLessThan(figures.points ?? 0)
    },
    TIMEOUT_MS,
  )
})

test(
  `${SEEDS} lives of the system`,
  async () => {
    const { figures } = await passes(lives)
    expect(figures.crashes).toBeGreaterThan(SEEDS / 2)
    expect(figures.faults).toBeGreaterThan(SEEDS)
  },
  TIMEOUT_MS,
)

test('a subscription that can’t be cancelled at once', () => passes(cancelling), TIMEOUT_MS)

test('one poisoned tenant among many', () => passes(poison), TIMEOUT_MS)

test('fifty provisions at once', () => passes(crowd), TIMEOUT_MS)

test(
  'the same seed gives the same life, another one another',
  async () => {
    const seeds = [3, 14, 15, 92, 65]
    const hashes = async () => {
      const told: string[] = []
      for (const seed of seeds) told.push((await play(task.shop, writeStory(seed))).hash)
      return told
    }
    const first = await hashes()
    expect(await hashes()).toEqual(first)
    expect(new Set(first).size).toBe(seeds.length)
  },
  TIMEOUT_MS,
)

describe('a planted bug', () => {
  const CALM = { seed: 1, deaths: [], weather: 0, outages: [], jumps: [] }
  /** Every mail has a new key each time, so that one whose reply is lost is sent again. */
  const change = (services: Services): Services => ({
    ...services,
    mailer: { send: (mail, key) => services.mailer.send(mail, `${key}-${services.clock.now()}`) },
  })
  /** Servers go before their names do. */
  const hasty = (services: Services): Services => ({
    ...services,
    dns: replaced(services.dns, { deleteRecord: async () => null }),
  })
  /** Backups are put back in words only. */
  const empty = (services: Services): Services => ({
    ...services,
    machines: replaced(services.machines, {
      run: (target, command, options) => {
        const looks = { ...command, verb: 'status' as const, input: {} }
        return services.machines.run(target, command.verb === 'restore' ? looks : command, options)
      },
    }),
  })

  async function firstBroken(): Promise<Ending> {
    for (let seed = 1; ; seed++) {
      const ending = await play(task.shop, writeStory(seed), { change })
      if (ending.wrong.some((one) => one.includes('exactly one accepted mail'))) return ending
    }
  }

  test(
    'is found by some seed, and its story shortened to what it needs',
    async () => {
      const long = await firstBroken()
      const short = await shrink(task.shop, long, { change })
      expect(short.wrong.join()).toContain('exactly one accepted mail')
      const acts = short.story.customers.flatMap(({ acts }) => acts.map(({ kind }) => kind))
      expect(acts).toEqual(['sign up', 'pay', 'approve'])
      const { weather, deaths, outages, jumps } = short.story
      // One lost reply, or one crash while the mail was on its way.
      expect([...(weather as Strike[]), ...deaths]).toHaveLength(1)
      expect([...outages, ...jumps]).toEqual([])
      const again = await play(task.shop, readStory(JSON.stringify(short.story)), { change })
      expect(again.hash).toBe(short.hash)
    },
    TIMEOUT_MS,
  )

  test(
    'of a move that brings nothing is seen by who wrote something',
    async () => {
      const acts = [{ kind: 'move', after: 1_000 }]
      const story = {
        ...CALM,
        customers: [{ name: 'ada', plan: 'starter' as const, isLive: true as const, acts }],
      }
      expect((await play(task.shop, story)).wrong).toEqual([])
      const { wrong } = await play(task.shop, story, { change: empty })
      expect(wrong.join()).toContain('note 1 is gone')
    },
    TIMEOUT_MS,
  )

  test(
    'of a name that outlives its server is seen on the way',
    async () => {
      const acts = ['sign up', 'pay', 'approve', 'delete at once'].map((kind) => ({ kind, after: 1_000 }))
      const customers = [{ name: 'ada', plan: 'starter' as const, acts }]
      const story = { ...CALM, customers }
      const { wrong } = await play(task.shop, story, { change: hasty })
      expect(wrong.join()).toContain('which is not ours')
    },
    TIMEOUT_MS,
  )
})
