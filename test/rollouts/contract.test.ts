import { afterEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { backups, runs } from '../../src/db/schema'
import { deployTenant } from '../../src/deployments/deploy'
import { retry } from '../../src/lifecycle/mend'
import { catchUp } from '../../src/rollouts/catch-up'
import { lookAhead } from '../../src/rollouts/prospect'
import { DEFAULT_STRATEGY } from '../../src/rollouts/strategy'
import { abortRollout, resumeRollout, rollBack } from '../../src/rollouts/verbs'
import { Fleet, OPERATOR } from './fleet'

let fleet: Fleet
const open = async (size: number) => {
  fleet = await Fleet.open(size)
}
afterEach(() => fleet.close())

const asked = () => ({ actor: OPERATOR, nowMs: fleet.clock.now() })
const ONE_WAY = { migration: 'contract', backup: false, acceptsNoWayBack: true } as const

describe('a release without a way back', () => {
  test('says so before it starts, and starts only when somebody says that this is known', async () => {
    await open(3)
    const release = await fleet.release('v43', { migration: 'contract', backup: false })
    expect(release.backup).toBe(false)
    const ahead = lookAhead(fleet.db.read, fleet.services, { release, strategy: DEFAULT_STRATEGY })
    expect(ahead).toMatchObject({ canGoBack: false, obstacles: [] })
    await expect(fleet.rollOut('v43', {}, { ...ONE_WAY, acceptsNoWayBack: false })).rejects.toThrow(
      'There is no way back from v43: what runs now can’t live with what is done to the data. No backup is made first. Say that you know this, then start it.',
    )
    await fleet.rollOut('v43', { bake_minutes: 0 }, ONE_WAY)
    expect((await fleet.live()).status).toBe('succeeded')
  })

  test('asks for a backup of each tenant unless somebody says otherwise, and for what that takes', async () => {
    await open(2)
    Object.assign(fleet.services, { objects: null })
    const known = await fleet.release('v43', { migration: 'contract' })
    expect(known.backup).toBe(true)
    await expect(fleet.rollOut('v43', {}, { migration: 'contract', acceptsNoWayBack: true })).rejects.toThrow(
      'A backup of each tenant is to be made first. No storage for backups is configured.',
    )
  })

  test('is not begun at a tenant whose backup fails', async () => {
    await open(2)
    await fleet.rollOut('v43', { canaries: 't01' }, { ...ONE_WAY, backup: true })
    expect((await fleet.live()).status).toBe('stopped')
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', state: 'failed', failedPart: 'back-up' })
    expect(fleet.deployed).toEqual([])
    const made = fleet.db.read.select().from(backups).where(eq(backups.tenantId, 'ten_t01')).all()
    expect(made.map(({ reason }) => reason)).toEqual(['before_deploy'])
  })

  test('stops where it stands, once nothing is under way, and says what is left to do', async () => {
    await open(10)
    fleet.behaves = (name, release) => (release === 'v43' && name > 't04' ? 'pull' : 'good')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0 }, ONE_WAY)
    expect((await fleet.live()).status).toBe('stopped')
    expect(fleet.states().failed).toBe(2)
    expect(fleet.states().back).toBeUndefined()
    expect(fleet.deployed.every((one) => one.endsWith('v43'))).toBe(true)
    expect(fleet.mails()).toEqual(['rollout-stopped'])
    expect(fleet.stage.mails().at(-1)?.text).toContain('There is no way back from this release.')
    expect(() => fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, asked()))).toThrow(
      'There is no way back from v43.',
    )
  })

  test('freezes when a tenant is lost on the way, and goes on when a person has mended it', async () => {
    await open(4)
    fleet.behaves = (name, release) => (release === 'v43' && name === 't02' ? 'lost' : 'good')
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 0, concurrency: 1 }, ONE_WAY)
    expect((await fleet.live()).status).toBe('frozen')
    expect(() => fleet.db.write((tx) => resumeRollout(tx, fleet.rollout.id, asked()))).toThrow(
      'There is no way back from this release. Retry the runs that are stuck; or abort, and restore',
    )
  })

  test.each(['migrate', 'health'] as const)(
    'freezes at the first that fails at %s, touches nobody else, and says what the way back is',
    async (part) => {
      await open(4)
      fleet.behaves = (_, release) => (release === 'v43' ? part : 'good')
      await fleet.rollOut('v43', { canaries: 't01' }, ONE_WAY)
      expect(await fleet.live()).toMatchObject({
        status: 'frozen',
        reason:
          '1 tenant is not well with it, and there is no way back but a backup from before it. Nobody else is touched until you have looked.',
      })
      expect(fleet.targets()[0]).toMatchObject({ name: 't01', state: 'stuck', failedPart: part })
      expect(fleet.deployed).toEqual(['t01 v43'])
      expect(fleet.mails()).toEqual(['rollout-frozen'])
      const mail = fleet.stage.mails().at(-1)?.text
      expect(mail).toContain(
        'There is no way back from v43: the releases before it can’t live with its data.',
      )
      expect(mail).toContain('The backups that were made before this release are the only way back from it.')
    },
  )

  test('leaves whoever it stopped at out of a rollout of an earlier one, which would not start there', async () => {
    await open(3)
    await fleet.release('v42.5')
    fleet.clock.advance(1_000)
    fleet.behaves = (_, release) => (release === 'v43' ? 'migrate' : 'good')
    await fleet.rollOut('v43', { canaries: 't01' }, ONE_WAY)
    expect((await fleet.live()).status).toBe('frozen')
    fleet.db.write((tx) => abortRollout(tx, fleet.services, fleet.rollout.id, asked()))
    fleet.clock.advance(1_000)
    await fleet.rollOut('v42.5', { canaries: 't01', waves: '1 / 100 %', bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.targets()[0]).toMatchObject({
      ...{ name: 't01', state: 'set_aside', failedPart: null },
      reason: expect.stringContaining('There is no way back from v43'),
    })
    expect(fleet.deployed.toSorted()).toEqual(['t00 v42.5', 't01 v43', 't02 v42.5'])
  })

  test('goes on when the run that failed is retried and well', async () => {
    await open(4)
    fleet.behaves = (name) => (name === 't02' ? 'health' : 'good')
    await fleet.rollOut('v43', { canaries: 't00', bake_minutes: 0 }, ONE_WAY)
    expect((await fleet.live()).status).toBe('frozen')
    fleet.behaves = () => 'good'
    const { runId } = fleet.targets().find(({ state }) => state === 'stuck') ?? {}
    fleet.db.write((tx) => retry(tx, fleet.services, runId ?? '', OPERATOR, fleet.clock.now()))
    await fleet.pass(2)
    fleet.db.write((tx) => resumeRollout(tx, fleet.rollout.id, asked()))
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.running()).toEqual(['v43'])
  })

  test('can only be aborted when a tenant is found down that has it: its run has succeeded', async () => {
    await open(3)
    await fleet.rollOut('v43', { canaries: 't01', bake_minutes: 10 }, ONE_WAY)
    await fleet.passUntil(() => fleet.states().succeeded === 1)
    await fleet.pass(2)
    fleet.ill.add('t01 v43')
    fleet.setHealth('t01', 'unhealthy')
    expect((await fleet.live()).status).toBe('frozen')
    expect(fleet.targets()[0]).toMatchObject({ name: 't01', state: 'stuck', failedPart: 'later' })
    const { runId } = fleet.targets()[0] ?? {}
    expect(() =>
      fleet.db.write((tx) => retry(tx, fleet.services, runId ?? '', OPERATOR, fleet.clock.now())),
    ).toThrow('Only a run that has failed can be retried or undone.')
    expect(() => fleet.db.write((tx) => resumeRollout(tx, fleet.rollout.id, asked()))).toThrow(
      'There is no way back from this release, and who was found down after they had got it has no run to retry. Abort; then restore the backups from before it, or roll out a release that mends it.',
    )
    fleet.db.write((tx) => abortRollout(tx, fleet.services, fleet.rollout.id, asked()))
    expect(fleet.rollout.status).toBe('aborted')
  })

  test('is left by no single tenant either', async () => {
    await open(1)
    const former = await fleet.release('v42')
    fleet.change('t00', { releaseId: former.id })
    await fleet.rollOut('v43', { bake_minutes: 0 }, ONE_WAY)
    await fleet.live()
    const back = { ...asked(), releaseId: former.id, way: 'back' as const }
    expect(() => fleet.db.write((tx) => deployTenant(tx, fleet.services, 'ten_t00', back))).toThrow(
      'There is no way back from v43: the releases before it can’t live with its data. Restore a backup from before it instead.',
    )
    expect(fleet.db.read.select().from(runs).where(eq(runs.tenantId, 'ten_t00')).all()).toHaveLength(1)
  })
})

describe('a release that some reach only over one without a way back', () => {
  test('has no way back either, and copies those first for whom that is asked', async () => {
    await open(3)
    const first = await fleet.release('v43')
    fleet.clock.advance(1_000)
    const oneWay = await fleet.release('v44', { migration: 'contract' })
    fleet.clock.advance(1_000)
    const release = await fleet.release('v45')
    const ahead = () =>
      lookAhead(fleet.db.read, { ...fleet.services }, { release, strategy: DEFAULT_STRATEGY })
    for (const name of ['t00', 't01', 't02']) fleet.change(name, { releaseId: oneWay.id })
    expect(ahead()).toMatchObject({ canGoBack: true, copies: false })
    fleet.change('t02', { releaseId: first.id })
    expect(ahead()).toMatchObject({ canGoBack: false, copies: true })
    fleet.change('t02', { status: 'suspended' })
    expect(ahead()).toMatchObject({ canGoBack: true, copies: false })
    fleet.change('t02', { status: 'active', releaseId: null })
    expect(ahead()).toMatchObject({ canGoBack: false, copies: true })
    const back = { ...asked(), releaseId: first.id, way: 'back' as const }
    fleet.change('t00', { releaseId: release.id })
    expect(() => fleet.db.write((tx) => deployTenant(tx, fleet.services, 'ten_t00', back))).toThrow(
      'There is no way back from v44',
    )
  })
})

describe('an earlier release', () => {
  test('is not rolled out to those who have passed one without a way back', async () => {
    await open(2)
    const release = await fleet.release('v43')
    fleet.clock.advance(1_000)
    const oneWay = await fleet.release('v44', { migration: 'contract' })
    const ahead = () => lookAhead(fleet.db.read, fleet.services, { release, strategy: DEFAULT_STRATEGY })
    expect(ahead().obstacles).toEqual([])
    fleet.change('t01', { releaseId: oneWay.id })
    expect(ahead().obstacles).toEqual([
      'There is no way back from v44, which some run: v43 can’t live with its data. Restore backups from before it instead.',
    ])
    await expect(fleet.rollOut('v43', {}, { acceptsNoWayBack: true })).rejects.toThrow('no way back from v44')
  })
})

describe('a deploy that is in flight as a rollout of an earlier release begins', () => {
  test('may bring its tenant past one without a way back: it is set aside then, and no failure', async () => {
    await open(3)
    await fleet.release('v43')
    fleet.clock.advance(1_000)
    const { id: releaseId } = await fleet.release('v44', { migration: 'contract', backup: false })
    const late = { ...asked(), releaseId, way: 'forward' as const, isCatchUp: true }
    fleet.db.write((tx) => deployTenant(tx, fleet.services, 'ten_t02', late))
    await fleet.rollOut('v43', { canaries: 't02', waves: '1 / 100 %', bake_minutes: 0 })
    expect((await fleet.live()).status).toBe('succeeded')
    expect(fleet.targets()[0]).toMatchObject({
      ...{ name: 't02', state: 'set_aside', failedPart: null },
      reason: expect.stringContaining('There is no way back from v44'),
    })
    expect(fleet.deployed.toSorted()).toEqual(['t00 v43', 't01 v43', 't02 v44'])
    catchUp(fleet.services)
    await fleet.pass(5)
    expect(fleet.running()).toEqual(['v43', 'v44'])
  })
})

describe('a release with a way back', () => {
  test('migrates on the way there and never on the way back', async () => {
    await open(1)
    const inputs: Record<string, unknown>[] = []
    const { machines } = fleet.services
    const { run } = machines
    machines.run = (target, command, options) => {
      if (command.verb === 'deploy') inputs.push(command.input)
      return run(target, command, options)
    }
    await fleet.rollOut('v43', { bake_minutes: 0 }, { migration: 'expand' })
    await fleet.live()
    fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, asked()))
    await fleet.live()
    expect(inputs.map(({ release, migrate }) => [release, migrate !== undefined])).toEqual([
      ['v43', true],
      ['v42', false],
    ])
  })
})
