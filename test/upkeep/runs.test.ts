import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { backups, releases, rollouts, rolloutTargets } from '../../src/db/schema'
import { latestRun } from '../../src/runs/run'
import { ROUTINE_KEPT_MS, STORY_KEPT_MS } from '../../src/upkeep/kept'
import { sweep } from '../../src/upkeep/sweep'
import { Scene, YEAR_MS } from './scene'

let scene: Scene
beforeEach(async () => {
  scene = await Scene.open()
})
afterEach(async () => expect(await scene.close()).toEqual([]))

describe('a backup that was removed', () => {
  beforeEach(() => scene.run('run_latest', scene.ago(0)))

  test('is forgotten after 30 days, with the run that made it and all that is known of that', async () => {
    scene.backup('bak_old', scene.ago(ROUTINE_KEPT_MS))
    scene.backup('bak_young', scene.ago(ROUTINE_KEPT_MS - 1))
    await sweep(scene.services)
    expect(scene.ids(backups)).toEqual(['bak_young'])
    expect(scene.knows('run_bak_old')).toEqual([false, false, false, false])
    expect(scene.knows('run_bak_young')).toEqual([true, true, true, true])
  })

  test('one that is kept stays, however old', async () => {
    scene.backup('bak_kept', scene.ago(YEAR_MS), { status: 'complete', removedAt: null })
    await sweep(scene.services)
    expect(scene.knows('run_bak_kept')).toEqual([true, true, true, true])
  })

  test('goes alone when it was made on the way of another kind of run', async () => {
    scene.backup('bak_old', scene.ago(YEAR_MS), { reason: 'before_move' }, { kind: 'move' })
    await sweep(scene.services)
    expect(scene.ids(backups)).toEqual([])
    expect(scene.knows('run_bak_old')).toEqual([true, true, true, true])
  })

  test('stays while a call of its run is not answered', async () => {
    scene.backup('bak_old', scene.ago(YEAR_MS))
    scene.call('eff_open', scene.ago(YEAR_MS), { runId: 'run_bak_old', outcome: 'intended' })
    await sweep(scene.services)
    expect(scene.ids(backups)).toEqual(['bak_old'])
  })

  test.each(['open', 'ignored'] as const)('stays while a finding about it is %s', async (status) => {
    scene.backup('bak_old', scene.ago(YEAR_MS))
    scene.finding('fnd_1', { status, externalId: 'key/bak_old' })
    await sweep(scene.services)
    expect(scene.ids(backups)).toEqual(['bak_old'])
  })
})

describe('a tenant’s latest run', () => {
  test('stays, so that none before it speaks for the tenant', async () => {
    scene.run('run_failed', scene.ago(2 * YEAR_MS), { kind: 'suspend', status: 'failed' })
    scene.backup('bak_old', scene.ago(YEAR_MS))
    await sweep(scene.services)
    expect(latestRun(scene.db.read, scene.tenantId)?.id).toBe('run_bak_old')
  })

  test('does not make room for a failed one when only a deletion that was taken back came after it', async () => {
    scene.run('run_failed', scene.ago(2 * YEAR_MS), { kind: 'suspend', status: 'failed' })
    scene.backup('bak_old', scene.ago(YEAR_MS))
    scene.run('run_delete', scene.ago(1), { kind: 'delete', status: 'cancelled' })
    await sweep(scene.services)
    expect(latestRun(scene.db.read, scene.tenantId)?.id).toBe('run_bak_old')
  })

  test.each(['queued', 'running', 'waiting', 'failed'] as const)(
    'while it is %s nothing goes that it may need',
    async (status) => {
      scene.backup('bak_old', scene.ago(YEAR_MS))
      scene.run('run_live', scene.ago(0), {
        kind: 'restore',
        status,
        finishedAt: status === 'failed' ? scene.ago(0) : null,
      })
      await sweep(scene.services)
      expect(scene.ids(backups)).toEqual(['bak_old'])
      expect(scene.knows('run_bak_old')).toEqual([true, true, true, true])
    },
  )
})

describe('a deploy', () => {
  const rollout = (finishedAt: number | null) => {
    const release = {
      blueprint: 'virtues',
      tag: 'v2',
      notes: '',
      migration: 'none',
      backup: false,
      images: '[]',
    } as const
    scene.add(releases, { id: 'rel_1', ...release, createdBy: 'atlas', createdAt: 0 })
    const times = { createdAt: scene.ago(YEAR_MS), finishedAt }
    const status = finishedAt === null ? 'frozen' : 'succeeded'
    scene.add(rollouts, {
      id: 'rol_1',
      blueprint: 'virtues',
      releaseId: 'rel_1',
      status,
      strategy: '{}',
      createdBy: 'a',
      ...times,
    })
    const target = {
      rolloutId: 'rol_1',
      tenantId: scene.tenantId,
      wave: 0,
      position: 0,
      formerRelease: 'v1',
      runId: 'run_old',
    }
    scene.add(rolloutTargets, { ...target, state: 'succeeded', updatedAt: 0 })
  }
  const target = () => scene.db.read.select().from(rolloutTargets).get()

  beforeEach(() => scene.run('run_latest', scene.ago(0)))

  test('that went well is forgotten after 90 days; its rollout still says what became of it', async () => {
    scene.run('run_old', scene.ago(STORY_KEPT_MS), { kind: 'deploy' })
    scene.run('run_young', scene.ago(STORY_KEPT_MS - 1), { kind: 'deploy' })
    rollout(scene.ago(STORY_KEPT_MS))
    await sweep(scene.services)
    expect([scene.knows('run_old')[0], scene.knows('run_young')[0]]).toEqual([false, true])
    expect(target()).toMatchObject({ state: 'succeeded', runId: null })
    expect(scene.db.read.select().from(rollouts).get()).toMatchObject({ total: 1, settled: 1, failed: 0 })
  })

  test.each(['failed', 'queued'] as const)('that is %s stays', async (status) => {
    scene.run('run_old', scene.ago(YEAR_MS), { kind: 'deploy', status })
    await sweep(scene.services)
    expect(scene.knows('run_old')).toEqual([true, true, true, true])
  })

  test('stays while its rollout goes on', async () => {
    scene.run('run_old', scene.ago(YEAR_MS), { kind: 'deploy' })
    rollout(null)
    await sweep(scene.services)
    expect(target()?.runId).toBe('run_old')
  })

  test('stays while a backup is known that was made before it', async () => {
    scene.backup('bak_kept', scene.ago(YEAR_MS), { status: 'complete', removedAt: null }, { kind: 'deploy' })
    await sweep(scene.services)
    expect(scene.knows('run_bak_kept')[0]).toBe(true)
  })
})

test.each(['provision', 'suspend', 'resume', 'move', 'restore', 'change-plan', 'rotate-secrets', 'delete'])(
  'a run of kind %s stays for ever',
  async (kind) => {
    scene.run('run_latest', scene.ago(0))
    scene.run('run_old', scene.ago(10 * YEAR_MS), { kind })
    await sweep(scene.services)
    expect(scene.knows('run_old')).toEqual([true, true, true, true])
  },
)
