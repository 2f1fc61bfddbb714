import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { runs, servers } from '../../src/db/schema'
import { type AtlasError, conflict } from '../../src/errors'
import { Log } from '../../src/log'
import type { AgentVerb, Machines } from '../../src/providers/machines'
import { provisionRecipe } from '../../src/provisioning/recipe'
import { claimRuns } from '../../src/runs/claim'
import { Engine } from '../../src/runs/engine'
import { logOf } from '../../src/runs/list'
import { getRun } from '../../src/runs/run'
import { storeSecrets } from '../../src/tenants/secrets'
import { getTenant } from '../../src/tenants/tenant'
import { openStage, type Stage } from '../stage'

const SECRETS = {
  SESSION_SECRET: 'session-canary-1',
  DATABASE_PASSWORD: 'password-canary-2',
  OWNER_PASSWORD: 'owner-canary-3',
}

let stage: Stage
/** Verbs of the agent, and what it says before it ends. */
let said: AgentVerb[]
/** What the agent refuses every command with, if anything. */
let refusal: AtlasError | null
beforeEach(() => {
  said = []
  refusal = null
  const words = Object.values(SECRETS).map((secret) => `env: X=${secret} "${secret}"`)
  const machines: Machines = {
    async run(_target, { verb }, options) {
      said.push(verb)
      for (const line of words) options?.onLog?.(line)
      if (refusal) throw refusal
      return { result: verb === 'logs' ? { lines: words } : {}, hostKey: '' }
    },
    close() {},
  }
  const probe = { get: async () => ({ ok: false as const, reason: 'Nothing answers.', tookMs: 1 }) }
  stage = openStage({ services: { machines, probe } })
})
afterEach(() => stage.close())

/** Carries a run from `step` on, by an Atlas that has just started and knows no tenant's secrets yet. */
async function carryFrom(step: string): Promise<string[]> {
  const { db, clock } = stage.services
  const { tenantId, runId } = await stage.tenant()
  db.write((tx) => storeSecrets(tx, stage.services, getTenant(tx, tenantId), SECRETS, 0))
  db.write((tx) => tx.update(servers).set({ ipv4: '198.18.0.1', hostKey: 'ssh-ed25519 AAAA' }).run())
  db.sqlite.run(
    "UPDATE steps SET status = 'succeeded', output = '{}', started_at = 0 WHERE position < (SELECT position FROM steps WHERE name = ?)",
    [step],
  )
  // Its time is over, so that its first look is the last.
  if (step !== 'start-app')
    db.sqlite.query("UPDATE steps SET status = 'waiting', started_at = 0 WHERE name = ?").run(step)
  const services = {
    ...stage.services,
    log: new Log(
      () => clock.now(),
      (line) => stage.lines.push(line),
    ),
  }
  const engine = new Engine({
    db,
    clock,
    log: services.log,
    recipes: [provisionRecipe(services)],
    chance: () => 0.5,
  })
  const [run] = db.write((tx) => claimRuns(tx, 'test', 1, clock.now()))
  await engine.carry(run!)
  const failed = step === 'check-health' || refusal !== null
  expect(getRun(db.read, runId).status).toBe(failed ? 'failed' : 'waiting')
  return logOf(db.read, runId).map(({ line }) => line)
}

describe('a machine that says its secrets', () => {
  test.each([
    ['start-app', 'start'],
    ['check-health', 'logs'],
  ] as const)('during %s, to an Atlas that has just started, finds none of them kept', async (step, verb) => {
    const lines = await carryFrom(step)
    expect(said).toContain(verb)
    expect(lines.filter((line) => line === 'env: X=[hidden] "[hidden]"').length).toBeGreaterThanOrEqual(3)
    for (const secret of Object.values(SECRETS)) isKeptNowhere(secret)
  })

  test.each(['verify-host-key', 'start-app', 'check-health'])(
    'in what it refuses during %s, cut in the middle of one, finds nothing of them kept',
    async (step) => {
      const log = Object.values(SECRETS).map(
        (secret) => `postgres://app:${secret}@database ${secret.slice(0, 12)}`,
      )
      const message = `It says ${SECRETS.DATABASE_PASSWORD} and ${SECRETS.SESSION_SECRET.slice(0, 13)}`
      refusal = conflict(message, { vendorCode: 'agent_conflict', outcome: 'refused', facts: { log } })
      const lines = await carryFrom(step)
      const { reason } = getRun(stage.services.db.read, stage.services.db.read.select().from(runs).get()!.id)
      expect([reason, ...lines].join('\n')).toContain('The server says: It says [hidden] and [hidden]')
      for (const secret of Object.values(SECRETS)) isKeptNowhere(secret.slice(0, 12))
    },
  )
})

function isKeptNowhere(secret: string): void {
  expect(stage.services.db.sqlite.serialize().toString('latin1')).not.toContain(secret)
  expect(stage.lines.join()).not.toContain(secret)
}
