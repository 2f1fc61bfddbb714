import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { type Db, openDb } from '../../src/db/open'
import { counters } from '../../src/db/schema'
import { Log } from '../../src/log'
import { type Lane, Worker } from '../../src/runs/worker'

/** A clock that remembers which alarms were set. */
class WatchedClock extends ManualClock {
  readonly wakes: number[] = []

  override at(atMs: number, action: () => void): () => void {
    this.wakes.push(atMs)
    return super.at(atMs, action)
  }
}

type Item = { key: string; atMs: number }

/** A lane over a list, which notes what it is asked. */
class ListLane implements Lane<Item> {
  readonly started: string[] = []
  looks = 0
  most = 0
  private running = 0

  constructor(
    readonly name: string,
    readonly concurrency: number,
    readonly items: Item[],
    private readonly clock: ManualClock,
    private readonly perform: (item: Item) => Promise<void> = async () => {},
  ) {}

  nextDueAt(inHand: ReadonlySet<string>): number | null {
    this.looks++
    const free = this.items.filter(({ key }) => !inHand.has(key))
    return free.length === 0 ? null : Math.min(...free.map(({ atMs }) => atMs))
  }

  take(limit: number, inHand: ReadonlySet<string>): Item[] {
    const due = this.items.filter(({ key, atMs }) => !inHand.has(key) && atMs <= this.clock.now())
    return due.slice(0, limit)
  }

  keyOf(item: Item): string {
    return item.key
  }

  async work(item: Item): Promise<void> {
    this.started.push(item.key)
    this.most = Math.max(this.most, ++this.running)
    try {
      await this.perform(item)
      this.items.splice(this.items.indexOf(item), 1)
    } finally {
      this.running--
    }
  }
}

let db: Db
let clock: WatchedClock
let worker: Worker
let lines: string[]
beforeEach(() => {
  clock = new WatchedClock()
  db = openDb(':memory:', clock.now())
  lines = []
})
afterEach(async () => {
  await worker.stop(0)
  db.close()
})

function start(...lanes: Lane<Item>[]): void {
  const log = new Log(
    () => clock.now(),
    (line) => lines.push(line),
  )
  worker = new Worker(db, clock, log, lanes as ConstructorParameters<typeof Worker>[3])
  worker.start()
}

const commit = () =>
  db.write((tx) =>
    tx
      .insert(counters)
      .values({ name: `n${Math.random()}`, value: 1 })
      .run(),
  )
/** Long enough for every task that is ready to run. */
const aMoment = () => Bun.sleep(20)

describe('a worker', () => {
  test('works at once on what a commit queued, without any alarm', async () => {
    const lane = new ListLane('mails', 2, [], clock)
    start(lane)
    await worker.settled()
    lane.items.push({ key: 'a', atMs: clock.now() })
    commit()
    await worker.settled()
    expect(lane.started).toEqual(['a'])
    expect(clock.wakes).toEqual([])
  })

  test('sleeps until the next due time of any lane, and does not look in between', async () => {
    const inAnHour = clock.now() + 3_600_000
    const soon = new ListLane('mails', 2, [{ key: 'a', atMs: inAnHour }], clock)
    const later = new ListLane('runs', 2, [{ key: 'b', atMs: inAnHour + 5 }], clock)
    start(soon, later)
    await worker.settled()
    const looks = soon.looks
    expect(clock.wakes).toEqual([inAnHour])
    await aMoment()
    clock.advance(3_599_999)
    await aMoment()
    expect(soon.looks).toBe(looks)
    expect(clock.wakes).toHaveLength(1)
    clock.advance(1)
    await worker.settled()
    expect(soon.started).toEqual(['a'])
    expect(later.started).toEqual([])
    expect(clock.wakes.at(-1)).toBe(inAnHour + 5)
  })

  test('that has nothing to do sets no alarm', async () => {
    start(new ListLane('mails', 2, [], clock))
    await worker.settled()
    expect(clock.wakes).toEqual([])
  })

  test('makes one round of many commits in a row', async () => {
    const lane = new ListLane('mails', 2, [], clock)
    start(lane)
    await worker.settled()
    const before = lane.looks
    for (let i = 0; i < 50; i++) commit()
    await worker.settled()
    expect(lane.looks - before).toBeLessThanOrEqual(2)
  })

  test('works on as many items at a time as a lane allows, and on all of them in the end', async () => {
    const items = Array.from({ length: 9 }, (_, i) => ({ key: `item ${i}`, atMs: clock.now() }))
    const lane = new ListLane('mails', 3, items, clock, () => Bun.sleep(1))
    start(lane)
    await worker.settled()
    expect(lane.most).toBe(3)
    expect(new Set(lane.started).size).toBe(9)
    expect(lane.started).toHaveLength(9)
  })

  test('lets no lane wait for another', async () => {
    const forever = new ListLane(
      'runs',
      1,
      [{ key: 'stuck', atMs: clock.now() }],
      clock,
      () => new Promise(() => {}),
    )
    const lane = new ListLane('mails', 1, [{ key: 'a', atMs: clock.now() }], clock)
    start(forever, lane)
    await aMoment()
    expect(forever.started).toEqual(['stuck'])
    expect(lane.started).toEqual(['a'])
  })

  test('takes nothing any more once it is stopped, and waits for what is in hand as long as it may', async () => {
    const gate = Promise.withResolvers<void>()
    const lane = new ListLane(
      'mails',
      1,
      [
        { key: 'a', atMs: clock.now() },
        { key: 'b', atMs: clock.now() },
      ],
      clock,
      () => gate.promise,
    )
    start(lane)
    await aMoment()
    let stopped = false
    const stopping = worker.stop(60_000).then(() => {
      stopped = true
    })
    await aMoment()
    expect(stopped).toBe(false)
    gate.resolve()
    await stopping
    commit()
    await aMoment()
    expect(lane.started).toEqual(['a'])
  })
})

describe('a bug in a lane', () => {
  test('is tried again after five seconds and not before, however much is committed', async () => {
    const lane = new ListLane('mails', 1, [{ key: 'a', atMs: clock.now() }], clock, () =>
      Promise.reject(new Error('a bug')),
    )
    start(lane)
    for (let i = 0; i < 5; i++) {
      commit()
      await aMoment()
    }
    clock.advance(4_999)
    await aMoment()
    expect(lane.started).toHaveLength(1)
    clock.advance(1)
    await aMoment()
    expect(lane.started).toHaveLength(2)
    expect(lines.join()).toContain('a bug')
  })

  test('that breaks its looking stops no process: all lanes are looked at again five seconds later', async () => {
    const lane = new ListLane('mails', 1, [], clock)
    const broken = new ListLane('runs', 1, [{ key: 'b', atMs: clock.now() }], clock)
    let isBusy = true
    broken.take = (limit, inHand) => {
      if (isBusy) throw new Error('database is locked')
      return ListLane.prototype.take.call(broken, limit, inHand)
    }
    start(broken, lane)
    await aMoment()
    expect(lines.join()).toContain('database is locked')
    expect(lines).toHaveLength(1)
    isBusy = false
    lane.items.push({ key: 'a', atMs: clock.now() })
    clock.advance(5_000)
    await worker.settled()
    expect([broken.started, lane.started]).toEqual([['b'], ['a']])
  })
})
