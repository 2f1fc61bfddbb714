import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { deployTenant } from '../../src/deployments/deploy'
import { undo } from '../../src/lifecycle/mend'
import { moveToNewServer } from '../../src/lifecycle/move'
import { rotateSecrets } from '../../src/lifecycle/secret-rotation'
import { resumeTenant, suspendTenant } from '../../src/lifecycle/suspension'
import { createRelease } from '../../src/releases/release'
import type { Publication } from '../../src/simulator/registry/images'
import { Estate } from '../estate'

const WHY =
  'The server says: Release v43 has changed the data for good, and what is to be started is from before it. Deploy v43 or a later release, or restore a backup from before it.'

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

async function live(verb: Parameters<Estate['do']>[0]): Promise<void> {
  estate.do(verb)
  await estate.live()
}

const suspend: typeof resumeTenant = (tx, services, id, asked) =>
  suspendTenant(tx, services, id, { ...asked, because: 'operator' })
const takeBack = () =>
  live((tx, services, _, { actor, nowMs }) => undo(tx, services, estate.run.id, actor, nowMs))
const machines = () => estate.clouds.machines.list()

describe('a tenant whose data a failed release has changed for good', () => {
  test('is not resumed to the former release, but brought forward while it is suspended', async () => {
    await live(suspend)
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
    await live(rotateSecrets)
    expect(estate.run).toMatchObject({ kind: 'rotate-secrets', status: 'failed', reason: WHY })
    await takeBack()
    expect(estate.run.status).toBe('cancelled')
  })
})
