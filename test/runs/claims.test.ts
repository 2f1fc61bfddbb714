import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { runs } from '../../src/db/schema'
import { conflict } from '../../src/errors'
import { claimRuns, recoverRuns } from '../../src/runs/claim'
import { done, type StepContext } from '../../src/runs/recipe'
import { stepsOf } from '../../src/runs/steps'
import { queueRun, retryRun } from '../../src/runs/verbs'
import { Workshop } from './workshop'

let shop: Workshop
beforeEach(async () => {
  shop = await Workshop.open()
})
afterEach(() => shop.close())

/** A step that stands still until it is let go. */
function gate() {
  const entered = Promise.withResolvers<StepContext>()
  const leave = Promise.withResolvers<void>()
  return {
    entered: entered.promise,
    leave: leave.resolve,
    async run(context: StepContext) {
      entered.resolve(context)
      await leave.promise
      return done({ by: 'the former holder' })
    },
  }
}

const INTENT = { provider: 'hetzner' as const, verb: 'ensureServer', key: 'ada', summary: {} }

describe('who lost a claim', () => {
  test('saves nothing any more', async () => {
    const { run, entered, leave } = gate()
    const recipe = shop.recipe({ slow: run })
    const id = shop.queue(recipe)
    const carried = shop.carry(recipe)
    await entered
    shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))
    const taken = shop.claim('another')
    leave()
    await carried
    expect(shop.run(id)).toMatchObject({ status: 'running', claimedBy: 'another', fence: taken?.fence })
    expect(shop.steps(id)).toEqual(['slow: running'])
    expect(shop.ends).toEqual([])
    expect(shop.stage.lines.join()).toContain('taken over')
  })

  test('asks nothing of the outside world, and logs nothing', async () => {
    const { run, entered, leave } = gate()
    let calls = 0
    const recipe = shop.recipe({
      slow: async (context) => {
        await run(context)
        await context.effect(INTENT, async () => ++calls)
        return done()
      },
    })
    const id = shop.queue(recipe)
    const carried = shop.carry(recipe)
    const context = await entered
    shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))
    shop.claim('another')
    expect(() => context.log('too late')).toThrow()
    leave()
    await carried
    expect(calls).toBe(0)
    expect(shop.ledger()).toEqual([])
    expect(shop.lines(id)).toEqual([])
  })

  test('fails nothing any more', async () => {
    const { run, entered, leave } = gate()
    const recipe = shop.recipe({
      slow: async (context) => {
        await run(context)
        throw conflict('No.')
      },
    })
    const id = shop.queue(recipe)
    const carried = shop.carry(recipe)
    await entered
    shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))
    shop.claim('another')
    leave()
    await carried
    expect(shop.run(id)).toMatchObject({ status: 'running', claimedBy: 'another' })
    expect(shop.ends).toEqual([])
  })
})

describe('claiming', () => {
  test('takes a run once, and raises its fence each time', () => {
    const recipe = shop.recipe({ call: async () => done() })
    shop.queue(recipe)
    expect(shop.claim()?.fence).toBe(1)
    expect(shop.claim()).toBeUndefined()
    shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))
    expect(shop.claim()?.fence).toBe(2)
  })

  test('takes no more than asked for, the longest due first', async () => {
    const recipe = shop.recipe({ call: async () => done() })
    const others = await Promise.all([
      shop.stage.tenant('ben', 'ben@example.com'),
      shop.stage.tenant('cleo', 'cleo@example.com'),
    ])
    for (const [index, { runId }] of others.entries()) {
      const availableAt = shop.clock.now() - 1_000 * (index + 1)
      shop.db.write((tx) => tx.update(runs).set({ availableAt }).where(eq(runs.id, runId)).run())
    }
    shop.queue(recipe)
    const taken = shop.db.write((tx) => claimRuns(tx, 'test', 2, shop.clock.now()))
    expect(taken.map(({ id }) => id)).toEqual([others[1]!.runId, others[0]!.runId])
  })
})

describe('a tenant', () => {
  test('has one live run at most: the second is refused in words, and by the database itself', () => {
    const recipe = shop.recipe({ call: async () => done() })
    const id = shop.queue(recipe)
    expect(() => shop.queue(recipe)).toThrow('Something else is being done to this tenant')
    const twin = { ...shop.run(id), id: 'run_twin' }
    expect(() => shop.db.write((tx) => tx.insert(runs).values(twin).run())).toThrow('UNIQUE')
  })

  test('whose failed run has a live successor can’t have the failed one retried', async () => {
    const failing = shop.recipe({ call: () => Promise.reject(conflict('No.')) })
    const failed = await shop.carryToTheEnd(failing)
    const recipe = shop.recipe({ call: async () => done() })
    shop.db.write((tx) => queueRun(tx, recipe, shop.tenantId, {}, shop.clock.now()))
    expect(() => shop.db.write((tx) => retryRun(tx, recipe, failed, shop.clock.now()))).toThrow(
      'Something else',
    )
  })
})

describe('a start after a crash', () => {
  test('queues again what was being worked on, at the same step and with the time it began', async () => {
    const { run, entered } = gate()
    const recipe = shop.recipe({ before: async () => done(), slow: run })
    const id = shop.queue(recipe)
    void shop.carry(recipe)
    const { startedAt } = await entered
    shop.clock.advance(60_000)
    expect(shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))).toBe(1)
    expect(shop.run(id)).toMatchObject({ status: 'queued', claimedBy: null })
    const seen: number[] = []
    const again = shop.recipe({
      before: () => Promise.reject(new Error('this step is over')),
      slow: async (context) => {
        seen.push(context.startedAt)
        return done()
      },
    })
    await shop.carryToTheEnd(again, id)
    expect(seen).toEqual([startedAt])
    expect(shop.steps(id)).toEqual(['before: succeeded', 'slow: succeeded'])
    expect(stepsOf(shop.db.read, id)[1]?.attempts).toBe(2)
  })

  test('leaves alone what waits, has failed or has ended', async () => {
    const failed = await shop.carryToTheEnd(shop.recipe({ call: () => Promise.reject(conflict('No.')) }))
    const before = shop.run(failed)
    expect(shop.db.write((tx) => recoverRuns(tx, shop.clock.now()))).toBe(0)
    expect(shop.run(failed)).toEqual(before)
  })
})
