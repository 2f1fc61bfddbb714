import { describe, expect, test } from 'bun:test'
import { ManualClock, SystemClock, sleep } from '../src/clock'

describe('a clock moved by hand', () => {
  test('fires what becomes due, in order of time, at its own moment', () => {
    const clock = new ManualClock(1_000)
    const fired: string[] = []
    for (const [name, at] of [
      ['third', 1_030],
      ['first', 1_010],
      ['second', 1_020],
      ['later', 2_000],
    ] as const)
      clock.at(at, () => fired.push(`${name} at ${clock.now()}`))
    clock.advance(500)
    expect(fired).toEqual(['first at 1010', 'second at 1020', 'third at 1030'])
    expect(clock.now()).toBe(1_500)
  })

  test('fires what an alarm sets, when it is within the same move', () => {
    const clock = new ManualClock(0)
    const fired: number[] = []
    const again = () => {
      fired.push(clock.now())
      if (fired.length < 5) clock.at(clock.now() + 10, again)
    }
    clock.at(10, again)
    clock.advance(35)
    expect(fired).toEqual([10, 20, 30])
  })

  test('forgets what was cancelled, and fires the past at once on the next move', () => {
    const clock = new ManualClock(1_000)
    const fired: string[] = []
    clock.at(1_010, () => fired.push('cancelled'))()
    clock.at(5, () => fired.push('past'))
    clock.advance(0)
    clock.advance(100)
    expect(fired).toEqual(['past'])
    expect(clock.now()).toBe(1_100)
  })
})

describe('sleeping', () => {
  test('ends at its time', async () => {
    const clock = new ManualClock(0)
    let awake = false
    const asleep = sleep(clock, 100).then(() => {
      awake = true
    })
    clock.advance(99)
    await Bun.sleep(0)
    expect(awake).toBe(false)
    clock.advance(1)
    await asleep
  })

  test('ends with the reason when it is called off, before or while it lasts', async () => {
    const clock = new ManualClock(0)
    const call = new AbortController()
    const asleep = sleep(clock, 100, call.signal)
    call.abort(new Error('called off'))
    await expect(asleep).rejects.toThrow('called off')
    await expect(sleep(clock, 100, call.signal)).rejects.toThrow('called off')
  })
})

describe('the machine’s clock', () => {
  test('can be moved forward, which fires what became due, and never back', async () => {
    const clock = new SystemClock()
    const before = clock.now()
    const fired = new Promise<number>((resolve) => clock.at(before + 3_600_000, () => resolve(clock.now())))
    clock.advance(3_600_000)
    expect(await fired).toBeGreaterThanOrEqual(before + 3_600_000)
    const moved = clock.now()
    clock.advance(-7_200_000)
    expect(clock.now()).toBeGreaterThanOrEqual(moved)
  })

  test('does not fire early for a moment months ahead, which timers cannot count to', async () => {
    const clock = new SystemClock()
    let fired = false
    const cancel = clock.at(clock.now() + 60 * 86_400_000, () => {
      fired = true
    })
    await Bun.sleep(20)
    expect(fired).toBe(false)
    cancel()
  })
})
