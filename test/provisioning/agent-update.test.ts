import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { agentScript, agentVersion } from '../../src/catalog/builtin'
import { servers } from '../../src/db/schema'
import { AtlasError } from '../../src/errors'
import type { AgentCommand, Machines } from '../../src/providers/machines'
import { updateAgent } from '../../src/provisioning/agent-update'
import { done } from '../../src/runs/recipe'
import { Workshop } from '../runs/workshop'

let shop: Workshop
let asked: AgentCommand[]
let refuse: AtlasError | undefined
beforeEach(async () => {
  asked = []
  refuse = undefined
  shop = await Workshop.open()
  const machines: Machines = {
    async run(_target, command) {
      asked.push(command)
      if (refuse) throw refuse
      return { result: {}, hostKey: '' }
    },
    close() {},
  }
  Object.assign(shop.stage.services, { machines })
  const address = { ipv4: '198.18.0.1', hostKey: 'ssh-ed25519 AAAA' }
  shop.db.write((tx) => tx.update(servers).set(address).run())
})
afterEach(() => shop.close())

/** A run whose one step meets an agent of this version. */
async function meet(agent_version: string) {
  const recipe = shop.recipe({
    meet: async (context) => {
      await updateAgent(shop.stage.services, context, { agent_version })
      return done()
    },
  })
  return shop.run(await shop.carryToTheEnd(recipe))
}

describe('an agent', () => {
  test('of the version that Atlas brings is left alone', async () => {
    expect(await meet(agentVersion)).toMatchObject({ status: 'succeeded' })
    expect(asked).toEqual([])
  })

  test('of another is handed the text that belongs to the version, with its digest', async () => {
    expect(await meet('0123456789ab')).toMatchObject({ status: 'succeeded' })
    const { verb, input } = asked[0]!
    const sha256 = new Bun.CryptoHasher('sha256').update(String(input.script)).digest('hex')
    expect([verb, input.script, input.script_sha256]).toEqual(['update', agentScript, sha256])
    expect(sha256.slice(0, 12)).toBe(agentVersion)
  })

  test('that knows nothing of updates stops the run in words', async () => {
    refuse = new AtlasError('invalid', 'This verb is not known.', {
      vendorCode: 'agent_invalid',
      outcome: 'refused',
    })
    const run = await meet('1')
    expect(run).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('Move the tenant to a new server'),
    })
  })
})
