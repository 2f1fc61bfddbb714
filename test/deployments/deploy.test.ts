import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { and, desc, eq } from 'drizzle-orm'
import { auditEvents, effects, runLogs, runs, steps } from '../../src/db/schema'
import { deployTenant } from '../../src/deployments/deploy'
import { AtlasError } from '../../src/errors'
import { newId } from '../../src/ids'
import { cancel, remediesFor, retry, undo } from '../../src/lifecycle/mend'
import type { ReleaseAsked } from '../../src/releases/find'
import { digestOf, Fleet, MINUTE, OPERATOR } from '../rollouts/fleet'

let fleet: Fleet
beforeEach(async () => {
  fleet = await Fleet.open(1)
})
afterEach(() => fleet.close())

const TENANT = 'ten_t00'
const asked = () => ({ actor: OPERATOR, nowMs: fleet.clock.now() })

/** Deploys a release to the one tenant, by hand, and waits until that has ended. */
async function deploy(
  tag: string,
  way: 'forward' | 'back' = 'forward',
  says: Pick<ReleaseAsked, 'migration' | 'backup'> = { migration: 'none' },
) {
  await begin(tag, way, says)
  await ended()
  return run()
}

async function begin(tag: string, way: 'forward' | 'back', says: Partial<ReleaseAsked>): Promise<void> {
  const { id: releaseId } = await fleet.release(tag, says)
  fleet.db.write((tx) => deployTenant(tx, fleet.services, TENANT, { ...asked(), releaseId, way }))
}

async function ended(): Promise<void> {
  await fleet.passUntil(() => ['succeeded', 'failed', 'cancelled'].includes(run().status))
}

function run() {
  const mine = eq(runs.tenantId, TENANT)
  const [latest] = fleet.db.read.select().from(runs).where(mine).orderBy(desc(runs.createdAt)).limit(1).all()
  if (!latest) throw new Error('there is no run')
  return latest
}

const mend = (verb: typeof retry) =>
  fleet.db.write((tx) => verb(tx, fleet.services, run().id, OPERATOR, fleet.clock.now()))

describe('a release for one tenant', () => {
  test('is what it runs from then on, and since when', async () => {
    expect((await deploy('v43')).status).toBe('succeeded')
    const { id } = await fleet.release('v43')
    expect(fleet.tenant('t00')).toMatchObject({
      release: 'v43',
      releaseId: id,
      wantedReleaseId: id,
      releaseSince: run().finishedAt,
    })
    const events = fleet.db.read.select().from(auditEvents).where(eq(auditEvents.subject, TENANT)).all()
    expect(events.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'test tenant.deploy_asked',
      'atlas tenant.deployed',
    ])
  })

  test('can be taken back to one that it had', async () => {
    await deploy('v43')
    await deploy('v44')
    expect((await deploy('v43', 'back')).status).toBe('succeeded')
    expect(fleet.tenant('t00').release).toBe('v43')
  })

  test('is refused while something else is being done to it, or when it has no app', async () => {
    const { id: releaseId } = await fleet.release('v43')
    const again = () =>
      fleet.db.write((tx) =>
        deployTenant(tx, fleet.services, TENANT, { ...asked(), releaseId, way: 'forward' }),
      )
    again()
    expect(again).toThrow('Something else is being done to this tenant.')
    await ended()
    fleet.change('t00', { status: 'deleting' })
    expect(again).toThrow(
      't00 is being deleted. Only an active or suspended tenant can be brought to another release.',
    )
  })
})

describe('a deploy without a way back', () => {
  const ONE_WAY = { migration: 'contract', backup: false } as const
  const NO_WAY_BACK =
    'There is no way back from v43: the releases before it can’t live with its data. Restore a backup from before it instead.'

  test('that fails stays where it is, says so, and can be retried and not undone', async () => {
    fleet.behaves = () => 'health'
    const reason = `The server says: It failed at health. ${NO_WAY_BACK}`
    expect(await deploy('v43', 'forward', ONE_WAY)).toMatchObject({ status: 'failed', reason })
    expect(fleet.running()).toEqual(['v43'])
    expect(fleet.stage.mails().at(-1)?.text).toContain(NO_WAY_BACK)
    expect(remediesFor(fleet.db.read, fleet.services, run())).toEqual({
      ...{ canRetry: true, canUndo: false, canCancel: false },
    })
    expect(() => mend(undo)).toThrow(NO_WAY_BACK)
    fleet.behaves = () => 'good'
    mend(retry)
    await ended()
    expect(run().status).toBe('succeeded')
    expect(fleet.deployed).toEqual(['t00 v43', 't00 v43'])
  })

  test.each([
    ['refused', { code: 'conflict', vendorCode: 'agent_conflict' }],
    [
      'pull',
      { code: 'conflict', vendorCode: 'agent_not_found', facts: { part: 'pull', back: true, log: [] } },
    ],
  ] as const)(
    'that the server has not begun (%s) can be taken back, as nothing has happened',
    async (_, no) => {
      const { machines } = fleet.services
      const { run: ask } = machines
      const { code, ...details } = no
      machines.run = (target, command, options) => {
        if (command.verb !== 'deploy') return ask(target, command, options)
        return Promise.reject(new AtlasError(code, 'Not now.', { ...details, outcome: 'refused' }))
      }
      expect((await deploy('v43', 'forward', ONE_WAY)).status).toBe('failed')
      expect(fleet.tenant('t00')).toMatchObject({ noReturnReleaseId: null, noReturnSince: null })
      expect(remediesFor(fleet.db.read, fleet.services, run())).toMatchObject({
        canRetry: true,
        canUndo: true,
      })
      mend(undo)
      await ended()
      expect(run().status).toBe('cancelled')
      expect(fleet.tenant('t00')).toMatchObject({ release: 'v42', statusReason: null })
      expect(fleet.deployed).toEqual([])
    },
  )

  test('of which nobody knows whether it has begun is only retried, and nothing older is deployed', async () => {
    const { id: former } = await fleet.release('v42')
    fleet.clock.advance(1_000)
    fleet.change('t00', { releaseId: former })
    const { id: between } = await fleet.release('v42.5')
    fleet.clock.advance(1_000)
    fleet.behaves = () => 'lost'
    const { id: releaseId } = await fleet.release('v43', ONE_WAY)
    await deploy('v43', 'forward', ONE_WAY)
    expect(run().status).toBe('failed')
    expect(fleet.tenant('t00')).toMatchObject({ noReturnReleaseId: releaseId })
    expect(() => mend(undo)).toThrow(NO_WAY_BACK)
    fleet.silent.clear()
    for (const { commands } of fleet.machines.values()) commands.clear()
    fleet.behaves = () => 'good'
    const older = { ...asked(), releaseId: between, way: 'forward' as const }
    expect(() => fleet.db.write((tx) => deployTenant(tx, fleet.services, TENANT, older))).toThrow(NO_WAY_BACK)
    mend(retry)
    await ended()
    expect(run().status).toBe('succeeded')
    expect(fleet.tenant('t00')).toMatchObject({
      release: 'v43',
      noReturnReleaseId: null,
      noReturnSince: null,
    })
  })

  test('that is not well from outside is not taken back either', async () => {
    fleet.ill.add('t00 v43')
    expect(await deploy('v43', 'forward', ONE_WAY)).toMatchObject({
      status: 'failed',
      step: 'check-outside',
      reason: `From outside: It answers with status 500 instead of 200. ${NO_WAY_BACK}`,
    })
    expect([fleet.deployed, fleet.running()]).toEqual([['t00 v43'], ['v43']])
  })

  test('can be cancelled until the server is told of it, and not afterwards', async () => {
    await begin('v43', 'forward', ONE_WAY)
    expect(remediesFor(fleet.db.read, fleet.services, run()).canCancel).toBe(true)
    fleet.deployMs = 5 * MINUTE
    await fleet.passUntil(() => fleet.deployed.length === 1)
    expect(() => mend(cancel)).toThrow(NO_WAY_BACK)
    await ended()
    expect(run().status).toBe('succeeded')
  })

  test('is meant for those alone who pass it', async () => {
    await deploy('v43', 'forward', ONE_WAY)
    fleet.clock.advance(1_000)
    fleet.behaves = (_, release) => (release === 'v44' ? 'health' : 'good')
    expect((await deploy('v44')).reason).toBe('The server says: It failed at health.')
    expect(fleet.running()).toEqual(['v43'])
    mend(undo)
    await ended()
    expect(run().status).toBe('cancelled')
  })
})

describe('a deploy that fails', () => {
  test('leaves the tenant on what it had, says why there, and tells the operator', async () => {
    fleet.behaves = () => 'migrate'
    expect(await deploy('v43')).toMatchObject({
      status: 'failed',
      step: 'deploy',
      reason: 'The server says: It failed at migrate.',
    })
    expect(fleet.tenant('t00')).toMatchObject({
      status: 'active',
      release: 'v42',
      releaseId: null,
      wantedReleaseId: null,
      statusReason: 'The server says: It failed at migrate.',
    })
    expect(fleet.mails()).toEqual(['failure-notice'])
    expect(fleet.stage.mails().at(-1)?.subject).toBe('Atlas: t00 could not be brought to release v43')
  })

  test('is not tried again by itself, and anew when a person says so', async () => {
    fleet.behaves = () => 'health'
    await deploy('v43')
    await fleet.pass(30)
    expect(fleet.deployed).toEqual(['t00 v43'])
    fleet.behaves = () => 'good'
    mend(retry)
    await ended()
    expect(run().status).toBe('succeeded')
    expect(fleet.deployed).toEqual(['t00 v43', 't00 v43'])
  })

  test('is heard of once more by whoever died twice before it was written down, and deployed once', async () => {
    fleet.behaves = () => 'health'
    const { id: runId } = await deploy('v43')
    fleet.clock.advance(1_000)
    const nowMs = fleet.clock.now()
    fleet.db.write((tx) => {
      const mine = and(eq(effects.runId, runId), eq(effects.verb, 'deploy'))
      const asked = tx.select().from(effects).where(mine).get()!
      // The second process had asked again, and heard nothing.
      const again = { ...asked, id: newId('eff', nowMs), outcome: 'unknown' as const, requestedAt: nowMs }
      tx.insert(effects)
        .values({ ...again, vendorCode: null })
        .run()
      tx.update(steps)
        .set({ status: 'running', finishedAt: null })
        .where(and(eq(steps.runId, runId), eq(steps.name, 'deploy')))
        .run()
      tx.update(runs).set({ status: 'queued', availableAt: nowMs }).where(eq(runs.id, runId)).run()
    })
    await fleet.pass(1)
    expect(run()).toMatchObject({ status: 'failed', reason: 'The server says: It failed at health.' })
    expect(fleet.deployed).toEqual(['t00 v43'])
  })

  test('can be undone, which leaves the former release there', async () => {
    fleet.behaves = (_, release) => (release === 'v43' ? 'stuck' : 'good')
    await deploy('v43')
    mend(undo)
    await ended()
    expect(run().status).toBe('cancelled')
    expect(fleet.running()).toEqual(['v42'])
    expect(fleet.tenant('t00')).toMatchObject({ release: 'v42', statusReason: null })
  })

  test('from outside is taken back, deployed anew when it is retried, and then looked at again', async () => {
    fleet.ill.add('t00 v43')
    await deploy('v43')
    expect(run()).toMatchObject({
      status: 'failed',
      step: 'check-outside',
      reason: 'From outside: It answers with status 500 instead of 200. It was taken back.',
    })
    expect(fleet.running()).toEqual(['v42'])
    fleet.ill.clear()
    mend(retry)
    await ended()
    expect(run().status).toBe('succeeded')
    expect(fleet.deployed).toEqual(['t00 v43', 't00 v42', 't00 v43'])
  })

  test('because the registry does not answer is tried again for some minutes', async () => {
    const { machines } = fleet.services
    const { run: ask } = machines
    let tries = 0
    machines.run = (target, command, options) => {
      if (command.verb !== 'deploy' || ++tries > 3) return ask(target, command, options)
      const facts = { part: 'pull', back: true, log: [] }
      const details = { vendorCode: 'agent_unavailable', outcome: 'refused', facts } as const
      return Promise.reject(new AtlasError('unavailable', 'The images could not be pulled.', details))
    }
    expect((await deploy('v43')).status).toBe('succeeded')
    expect(tries).toBe(4)
  })
})

describe('before anything is asked of a server', () => {
  test('one that can’t be reached is waited for a minute, then left alone', async () => {
    fleet.silent.add('t00')
    const failed = await deploy('v43')
    expect(failed).toMatchObject({ status: 'failed', step: 'check-server' })
    expect(failed.reason).toBe('Nothing was changed: The server cannot be reached over SSH.')
    expect(fleet.deployed).toEqual([])
  })
})

describe('what runs', () => {
  test('must be what was deployed: an old app that still answers is no success', async () => {
    const { machines } = fleet.services
    const { run: ask } = machines
    machines.run = async (target, command, options) => {
      const reply = await ask(target, command, options)
      if (command.verb !== 'status') return reply
      const app = { state: 'running', release: 'v43', digest: digestOf('v42') }
      return { ...reply, result: { ...reply.result, app } }
    }
    expect(await deploy('v43')).toMatchObject({
      status: 'failed',
      reason: 'From outside: What runs is not the image that was deployed. It was taken back.',
    })
  })
})

describe('the log', () => {
  test('keeps the last words of a deploy that said too much to keep it all', async () => {
    const { machines } = fleet.services
    const { run: ask } = machines
    machines.run = (target, command, options) => {
      if (command.verb === 'deploy') for (let line = 0; line < 600; line++) options?.onLog?.(`line ${line}`)
      return ask(target, command, options)
    }
    fleet.behaves = () => 'health'
    const { id } = await deploy('v43')
    const logged = fleet.db.read.select().from(runLogs).where(eq(runLogs.runId, id)).all()
    expect(logged.filter(({ step }) => step === 'deploy')).toHaveLength(500)
    expect(logged.filter(({ step }) => step === 'last-words').map(({ line }) => line)).toEqual(['boom'])
  })
})
