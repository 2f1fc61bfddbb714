import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { latestBackup } from '../../src/backups/backup'
import { backUpTenant } from '../../src/backups/recipe'
import { restoreTenant } from '../../src/backups/restore'
import { deployTenant } from '../../src/deployments/deploy'
import { undo } from '../../src/lifecycle/mend'
import { moveToNewServer } from '../../src/lifecycle/move'
import { choosePlan } from '../../src/lifecycle/plan-choice'
import { rotateSecrets } from '../../src/lifecycle/secret-rotation'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import { createRelease } from '../../src/releases/find'
import { leaveNoReturn } from '../../src/releases/no-return'
import type { Publication } from '../../src/simulator/registry/images'
import { Estate } from '../estate'

const WHY =
  'The server says: Release v43 has changed the data for good, and what is to be started is from before it. Deploy v43 or a later release, or restore a backup from before it.'

/** How Atlas says it before anything is touched. */
const known = (what: string) =>
  `ada can’t be ${what}. The deploy of v43 stopped after it may have changed the data for good, and v42 can’t live with that. `

let estate: Estate
beforeEach(async () => {
  estate = await Estate.open()
  const digests = new Map<string, string>()
  const publish = (tag: string, kind: Omit<Publication, 'repository' | 'tag'> = {}) => {
    const repository = estate.services.env.GHCR_REPO ?? ''
    digests.set(tag, estate.clouds.registry.publish({ repository, tag, ...kind }).digest)
  }
  const resolve = async (ref: { tag: string }) => ({ digest: digests.get(ref.tag) ?? '' })
  Object.assign(estate.services, { registry: { resolve } })
  publish(estate.tenant.release)
  publish('v43', { migration: 'contract', behaviour: 'broken' })
  publish('v44', { migration: 'contract' })
  publish('v45', { migration: 'contract', behaviour: 'broken' })
  await deploy('v43')
  expect(estate.run).toMatchObject({ kind: 'deploy', status: 'failed' })
})
afterEach(() => estate.close())

async function deploy(tag: string): Promise<void> {
  const asked = { blueprint: 'virtues', tag, migration: 'contract', backup: false } as const
  const { id: releaseId } = await createRelease(estate.services, { ...asked, actor: { id: 'test' } })
  estate.do((tx, services, id, by) => deployTenant(tx, services, id, { ...by, releaseId, way: 'forward' }))
  await estate.live()
}

async function live(verb: Verb): Promise<void> {
  estate.do(verb)
  await estate.live()
}

const suspend: typeof resumeTenant = (tx, services, id, asked) =>
  suspendTenant(tx, services, id, { ...asked, because: 'operator' })
const takeBack = () =>
  live((tx, services, _, { actor, nowMs }) => undo(tx, services, estate.run.id, actor, nowMs))
type Verb = Parameters<Estate['do']>[0]
const refused = (verb: Verb, what: string) => expect(() => estate.do(verb)).toThrow(known(what))
/** An Atlas that has been brought back from an older database knows nothing of it: the server has the last word. */
const forget = () => estate.db.write((tx) => leaveNoReturn(tx, estate.tenantId))
const backUp: Verb = (tx, services, id, by) =>
  backUpTenant(tx, services, id, { ...by, method: 'app', reason: 'by_hand' })
const machines = () => estate.clouds.machines.list()

describe('what would start a tenant whose data a failed release has changed for good', () => {
  test('is refused before anything is touched, with the deploy that can be retried', async () => {
    const before = estate.run.id
    refused((tx, services, id, asked) => moveToNewServer(tx, services, id, asked), 'moved')
    const older = { acceptOlderBackup: true }
    refused((tx, services, id, asked) => moveToNewServer(tx, services, id, { ...asked, ...older }), 'moved')
    await expect(choosePlan(estate.services, estate.tenantId, 'virtues/pro')).rejects.toThrow(
      `${known('given another plan')}Retry the deploy of v43, or deploy a later release; there is no backup from before it.`,
    )
    expect(estate.run.id).toBe(before)
    await live(suspend)
    await expect(choosePlan(estate.services, estate.tenantId, 'virtues/pro')).rejects.toThrow()
    refused(resumeTenant, 'resumed')
    expect(() => estate.do(resumeTenant)).toThrow('Deploy v43 or a later release; there is no backup')
  })

  test('is not refused any more once a later release runs', async () => {
    await deploy('v44')
    expect(estate.tenant).toMatchObject({ release: 'v44', noReturnReleaseId: null, noReturnSince: null })
    await live(rotateSecrets)
    expect(estate.run.status).toBe('succeeded')
  })

  test('goes on with a backup from before, and not with one from after it', async () => {
    const restore =
      (backupId: string): Verb =>
      (tx, services, id, asked) =>
        restoreTenant(tx, services, id, { ...asked, backupId })
    await deploy('v44')
    await live(backUp)
    const { id: older, createdAt } = latestBackup(estate.db.read, estate.tenantId)!
    await deploy('v45')
    expect(estate.run).toMatchObject({ kind: 'deploy', status: 'failed' })
    await live(backUp)
    const { id: younger } = latestBackup(estate.db.read, estate.tenantId)!
    const made = new Date(createdAt).toISOString().slice(0, 16).replace('T', ' ')
    expect(() => estate.do(restore(younger))).toThrow(
      `Deploy v45 or a later release, or restore the backup of ${made} UTC.`,
    )
    expect(() =>
      estate.do((tx, services, id, asked) =>
        moveToNewServer(tx, services, id, { ...asked, backupId: younger }),
      ),
    ).toThrow('ada can’t be moved. The deploy of v45 stopped')
    await live(restore(older))
    expect(estate.run).toMatchObject({ kind: 'restore', status: 'succeeded' })
    expect(estate.tenant).toMatchObject({ release: 'v44', noReturnReleaseId: null })
    await live(rotateSecrets)
    expect(estate.run.status).toBe('succeeded')
  })
})

describe('a tenant whose data a failed release has changed for good', () => {
  test('is not resumed to the former release, but brought forward while it is suspended', async () => {
    await live(suspend)
    refused(resumeTenant, 'resumed')
    forget()
    await live(resumeTenant)
    expect(estate.run).toMatchObject({ kind: 'resume', status: 'failed', reason: WHY })
    expect(estate.tenant).toMatchObject({ status: 'suspended', statusReason: WHY })
    expect((await estate.holdings()).app).toBe('stopped')
    await takeBack()
    expect(estate.run.status).toBe('cancelled')
    await deploy('v44')
    expect(estate.run.status).toBe('succeeded')
    expect(estate.tenant).toMatchObject({ status: 'suspended', release: 'v44' })
    expect((await estate.holdings()).app).toBe('stopped')
    expect((await estate.visit()).status).toBe(503)
    await live(resumeTenant)
    expect(estate.tenant).toMatchObject({ status: 'active', statusReason: null })
    expect((await estate.visit()).status).toBe(200)
  })

  test('is stopped again by a deploy that fails while it is suspended', async () => {
    await live(suspend)
    await deploy('v43')
    expect(estate.run).toMatchObject({ kind: 'deploy', status: 'failed' })
    expect((await estate.holdings()).app).toBe('stopped')
  })

  test('is not started by a move either: what its data went through comes along', async () => {
    forget()
    await live((tx, services, id, asked) => moveToNewServer(tx, services, id, asked))
    expect(estate.run).toMatchObject({ kind: 'move', status: 'failed', reason: WHY })
    const [before, after] = machines()
    expect([before?.app.state, after?.app.state]).toEqual(['stopped', 'absent'])
    await takeBack()
    expect(estate.run.status).toBe('cancelled')
    expect(machines()).toHaveLength(1)
    await deploy('v44')
    expect(estate.run).toMatchObject({ status: 'succeeded', reason: null })
    expect(estate.tenant.release).toBe('v44')
    expect((await estate.visit()).status).toBe(200)
  })

  test('keeps its former secrets, and the run that was to change them can be taken back', async () => {
    refused(rotateSecrets, 'given new secrets')
    forget()
    await live(rotateSecrets)
    expect(estate.run).toMatchObject({ kind: 'rotate-secrets', status: 'failed', reason: WHY })
    await takeBack()
    expect(estate.run.status).toBe('cancelled')
  })
})
