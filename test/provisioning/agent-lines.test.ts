import { afterEach, beforeEach, expect, test } from 'bun:test'
import { servers } from '../../src/db/schema'
import { unavailable } from '../../src/errors'
import type { Machines } from '../../src/providers/machines'
import { callAgent } from '../../src/provisioning/agent'
import { done } from '../../src/runs/recipe'
import { Workshop } from '../runs/workshop'

let shop: Workshop
/** What the agent says at each call, until the connection breaks; at the last one it gets to its end. */
let said: string[][]
let ids: string[]
beforeEach(async () => {
  shop = await Workshop.open()
  ids = []
  const machines: Machines = {
    async run(_target, { commandId }, { onLog } = {}) {
      ids.push(commandId)
      for (const line of said.shift() ?? []) onLog?.(line)
      if (said.length > 0) throw unavailable('It broke.', { outcome: 'unknown' })
      return { result: {}, hostKey: '' }
    },
    close() {},
  }
  Object.assign(shop.stage.services, { machines })
  const address = { ipv4: '198.18.0.1', hostKey: 'ssh-ed25519 AAAA' }
  shop.db.write((tx) => tx.update(servers).set(address).run())
})
afterEach(() => shop.close())

/** The log of a run that calls the agent once, however often that takes. */
async function logOf(...calls: string[][]): Promise<string[]> {
  said = calls
  const recipe = shop.recipe({
    call: async (context) => {
      const call = { verb: 'deploy' as const, input: {}, summary: {} }
      await callAgent(shop.stage.services, context, call, { onLog: context.log })
      return done()
    },
  })
  return shop.lines(await shop.carryToTheEnd(recipe))
}

test('what a command has said before its connection broke is not told twice', async () => {
  expect(await logOf(['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'b', 'd'])).toEqual([
    'a',
    'b',
    'c',
    'b',
    'd',
  ])
  expect(new Set(ids).size).toBe(1)
})

test('one that was heard less of than before is heard on', async () => {
  expect(await logOf(['a', 'b', 'c'], ['a'], ['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', 'd'])
})

test('one that began anew after a power cut is heard from where it is different', async () => {
  expect(await logOf(['a', 'b', 'c'], ['a', 'x', 'c'])).toEqual(['a', 'b', 'c', 'x', 'c'])
})
