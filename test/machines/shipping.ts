import { expect } from 'bun:test'
import { and, asc, eq } from 'drizzle-orm'
import { agentVersion } from '../../src/catalog/builtin'
import { backups, effects, rolloutTargets, runLogs } from '../../src/db/schema'
import { deployTenant } from '../../src/deployments/deploy'
import { retry } from '../../src/lifecycle/mend'
import { createRelease } from '../../src/releases/find'
import type { ReleaseRow } from '../../src/releases/release'
import { getRollout, type RolloutRow } from '../../src/rollouts/rollout'
import { startRollout } from '../../src/rollouts/start'
import { parseStrategy } from '../../src/rollouts/strategy'
import { getRun } from '../../src/runs/run'
import { ACTOR, type Operator } from './operator'

/** Where the story stands, and how it goes on. */
export type Story = {
  readonly operator: Operator
  readonly ada: string
  readonly bob: string
  step(title: string, body: () => Promise<void>): void
}

const AGENT = '/usr/local/lib/atlas/agent'
const COMMANDS = '/var/lib/atlas/commands'
const BAKE_MS = 60_000
const QUIET_MS = 3_000

/** The chapter of releases: two that work, and what becomes of those that don't. */
export function shipReleases(story: Story): void {
  const { step } = story

  step('a release goes out, the canary first, after a backup and its migration', async () => {
    const { operator, ada, bob } = story
    await operator.onMachine(bob, `echo '# older' >>${AGENT}`)
    const rollout = await rollOut(operator, 'v2', 'ada')
    expect(rollout).toMatchObject({ status: 'succeeded', reason: null })
    const [first, second] = targetsOf(operator, rollout)
    expect(first).toMatchObject({ tenantId: ada, wave: 0, state: 'succeeded' })
    expect(second).toMatchObject({ tenantId: bob, wave: 1, state: 'succeeded' })
    const [canary, other] = [first, second].map((target) => runOf(operator, target?.runId))
    expect(canary?.finishedAt ?? Number.NaN).toBeLessThan(other?.createdAt ?? Number.NaN)
    for (const tenantId of [ada, bob]) {
      expect(await running(operator, tenantId)).toEqual({
        release: 'v2',
        digests: [digestOf(operator, 'v2')],
      })
      expect((await operator.visit(tenantId, '/health')).text).toBe('v2')
      expect(await migrations(operator, tenantId)).toEqual(['v2'])
      expect(copiesOf(operator, tenantId)).toEqual([{ reason: 'before_deploy', status: 'complete' }])
    }
  })

  step(
    'an older agent was brought up to date before that, and a broken one never takes its place',
    async () => {
      const { operator, bob } = story
      const sum = (file: string) => operator.onMachine(bob, `sha256sum ${file} | cut -c 1-12`)
      expect(await sum(AGENT)).toBe(agentVersion)
      expect(await operator.onMachine(bob, `tail -n 1 ${AGENT}.former`)).toBe('# older')
      const { machines } = operator.services
      const broken = '#!/bin/sh\nexit 3\n'
      const script_sha256 = new Bun.CryptoHasher('sha256').update(broken).digest('hex')
      const command = {
        verb: 'update' as const,
        commandId: 'broken-agent',
        input: { script: broken, script_sha256 },
      }
      await expect(machines.run(operator.targetOf(bob), command)).rejects.toMatchObject({ code: 'conflict' })
      expect(await sum(AGENT)).toBe(agentVersion)
    },
  )

  step('one that crashes breaks the canary alone, which comes back by itself and says why', async () => {
    const { operator, ada, bob } = story
    await operator.visit(bob, '/notes', { method: 'POST', body: 'kept' })
    const heard = await operator.onMachine(ada, `ls ${COMMANDS}`)
    const rollout = await rollOut(operator, 'v3', 'bob')
    expect(rollout).toMatchObject({
      status: 'rolled_back',
      reason: 'It stopped by itself: 1 tenant failed by wave 1 of 2.',
    })
    const [first, second] = targetsOf(operator, rollout)
    expect(first).toMatchObject({ tenantId: bob, state: 'failed', failedPart: 'health' })
    expect(first?.reason).toContain('The app did not become healthy with the new release.')
    expect(second).toMatchObject({ tenantId: ada, state: 'waiting', runId: null })
    const log = logOf(operator, first?.runId)
    for (const line of [
      'The app crashes again and again',
      'v3: panic: no such table: engine',
      'Going back to release v2',
    ])
      expect(log).toContainEqual(expect.stringContaining(line))
    expect(await running(operator, bob)).toEqual({ release: 'v2', digests: [digestOf(operator, 'v2')] })
    expect((await operator.visit(bob, '/notes')).text).toBe('kept')
    expect(operator.tenant(bob)).toMatchObject({ status: 'active', release: 'v2' })
    expect(await operator.onMachine(ada, `ls ${COMMANDS}`)).toBe(heard)
    expect((await operator.visit(ada, '/health')).text).toBe('v2')
  })

  step('one that is healthy but fails its smoke check is taken back', async () => {
    const { operator, bob } = story
    const run = await deploy(operator, bob, 'v4')
    expect(run).toMatchObject({ status: 'failed', step: 'deploy' })
    expect(run.reason).toContain('The app does not pass its smoke check with the new release.')
    expect(await running(operator, bob)).toMatchObject({ release: 'v2' })
    expect((await operator.visit(bob, '/')).text).toBe('Notebook v2')
  })

  step('one whose migration fails never takes the place of what runs', async () => {
    const { operator, bob } = story
    const container = () =>
      operator.onMachine(bob, 'docker inspect --format {{.Id}},{{.State.StartedAt}} app-app-1')
    const before = await container()
    const run = await deploy(operator, bob, 'v5')
    expect(run.reason).toContain('The migration failed. The log says why.')
    expect(logOf(operator, run.id)).toContainEqual(expect.stringContaining('the column exists already'))
    expect(await container()).toBe(before)
    expect(await migrations(operator, bob)).not.toContain('v5')
    await expect(release(operator, 'v7')).rejects.toMatchObject({ code: 'invalid' })
    await expect(release(operator, 'v7', 'none')).rejects.toMatchObject({ code: 'not_found' })
  })

  step('a server that shows another host key is sent nothing', async () => {
    const { operator, bob } = story
    const heard = await operator.onMachine(bob, `ls ${COMMANDS}`)
    const key = '/etc/ssh/ssh_host_ed25519_key'
    await operator.onMachine(bob, `mv ${key} ${key}.real && ssh-keygen -q -t ed25519 -N '' -f ${key}`)
    try {
      await operator.onMachine(bob, 'systemctl reload ssh')
      operator.services.machines.close()
      const since = await operator.onMachine(bob, 'sleep 1; date "+%F %T"')
      const run = await deploy(operator, bob, 'v6')
      expect(run).toMatchObject({ status: 'failed', step: 'check-server' })
      expect(run.reason).toContain('shows another host key')
      expect(await operator.onMachine(bob, `ls ${COMMANDS}`)).toBe(heard)
      // What sshd says reaches the journal a moment later; of a process that has ended by then it knows no unit.
      const journal = `journalctl --identifier sshd --identifier sshd-session --output cat --since '${since}'`
      const seen = () => operator.onMachine(bob, journal)
      await operator.until(async () => (await seen()).includes('[preauth]'))
      expect(await seen()).not.toMatch(/atlas|publickey/i)
    } finally {
      await operator.onMachine(bob, `mv ${key}.real ${key} && systemctl reload ssh`)
    }
  })

  step('a power cut and a restart in the middle of a deploy cost nothing but time', async () => {
    const { operator, bob } = story
    const { db, clock } = operator.services
    const { driver } = operator.yard
    const { id } = operator.latestRun(bob)
    // Atlas looked the tag up before; what it is made to stand for since is nobody's release.
    await operator.yard.registry.retag('app', 'v6', 'v3')
    db.write((tx) => retry(tx, operator.services, id, ACTOR, clock.now()))
    const migrates = async () => (await told(operator, bob, id)).includes('Migrating')
    await operator.until(migrates)
    driver.cutPower(operator.serverIdOf(bob))
    await driver.settled()
    // What was told until then does not count for what comes.
    await operator.onMachine(bob, `truncate --size 0 ${COMMANDS}/${id}-deploy*/output`)
    await operator.until(migrates)
    driver.reboot(operator.serverIdOf(bob))
    await operator.settled(bob)
    expect(await running(operator, bob)).toEqual({ release: 'v6', digests: [digestOf(operator, 'v6')] })
    expect(deploysOf(operator, id)).toMatchObject({ keys: 1, last: 'done' })
    expect(await migrations(operator, bob)).toEqual(['v2', 'v3', 'v4', 'v6'])
    const containers = await operator.onMachine(bob, 'docker ps --all --format {{.Names}}')
    expect(containers.split('\n').sort()).toEqual(['app-app-1', 'app-database-1'])
    // What runs and what it can go back to; those that failed are gone.
    const kept = await operator.onMachine(
      bob,
      `docker image ls --format {{.Tag}} ${operator.yard.registry.host}/app`,
    )
    expect(kept.split('\n').sort()).toEqual(['v2', 'v6'])
  })
}

/** A deploy whose connection is cut on the server while the migration runs. */
export async function shipThroughACut(operator: Operator, tenantId: string): Promise<void> {
  const { runId } = await ask(operator, tenantId, 'v6')
  await operator.until(async () => (await told(operator, tenantId, runId)).includes('Migrating'))
  expect((await operator.visit(tenantId, '/health')).text).toBe('v2')
  await operator.onMachine(tenantId, 'kill $(pgrep -f "^sshd-session: atlas@")')
  await operator.settled(tenantId)
  expect(await running(operator, tenantId)).toEqual({ release: 'v6', digests: [digestOf(operator, 'v6')] })
  expect(deploysOf(operator, runId)).toEqual({ keys: 1, outcomes: ['unknown', 'done'], last: 'done' })
  expect((await told(operator, tenantId, runId)).match(/Migrating to|Switching to/g)).toHaveLength(2)
  const log = logOf(operator, runId)
  expect(log.filter((line) => /^(Migrating|Switching) to/.test(line))).toHaveLength(2)
  const done = await migrations(operator, tenantId)
  expect(done.filter((tag) => tag === 'v6')).toHaveLength(1)
}

function release(operator: Operator, tag: string, migration?: 'none'): Promise<ReleaseRow> {
  return createRelease(operator.services, { blueprint: 'notebook', tag, migration, actor: ACTOR })
}

async function ask(operator: Operator, tenantId: string, tag: string): Promise<{ runId: string }> {
  const { id: releaseId } = await release(operator, tag)
  return operator.ask(tenantId, (tx, services, id, asked) =>
    deployTenant(tx, services, id, { ...asked, releaseId, way: 'forward' }),
  )
}

/** Deploys a release to one tenant, and resolves to the run when it has ended. */
async function deploy(operator: Operator, tenantId: string, tag: string) {
  await ask(operator, tenantId, tag)
  return operator.ended(tenantId)
}

/** Rolls a release out to everybody, and resolves to what became of it. Nobody waits for it to bake. */
async function rollOut(operator: Operator, tag: string, canaries: string): Promise<RolloutRow> {
  const { services, yard } = operator
  const { db, clock } = services
  const { id: releaseId } = await release(operator, tag)
  const strategy = parseStrategy({ waves: '1 / 100 %', canaries, bake_minutes: BAKE_MS / 60_000 })
  const asked = { releaseId, strategy, actor: ACTOR, nowMs: clock.now() }
  const { rolloutId } = db.write((tx) => startRollout(tx, services, asked))
  let [stage, sinceMs] = ['', 0]
  await operator.until(async () => {
    const { status, wave, waveDoneAt } = getRollout(db.read, rolloutId)
    const now = [status, wave, waveDoneAt].join()
    if (now !== stage) [stage, sinceMs] = [now, Date.now()]
    // Only when nobody waits for an answer: to them it would come too late.
    if (waveDoneAt !== null && Date.now() - sinceMs > QUIET_MS) {
      yard.clock.advance(BAKE_MS)
      sinceMs = Date.now()
    }
    return status !== 'running' && status !== 'going_back'
  })
  return getRollout(db.read, rolloutId)
}

function targetsOf({ services }: Operator, { id }: RolloutRow) {
  const mine = eq(rolloutTargets.rolloutId, id)
  return services.db.read
    .select()
    .from(rolloutTargets)
    .where(mine)
    .orderBy(asc(rolloutTargets.position))
    .all()
}

function runOf({ services }: Operator, runId: string | null | undefined) {
  return getRun(services.db.read, runId ?? '')
}

function logOf({ services }: Operator, runId: string | null | undefined): string[] {
  const mine = eq(runLogs.runId, runId ?? '')
  const rows = services.db.read.select().from(runLogs).where(mine).orderBy(asc(runLogs.position)).all()
  return rows.map(({ line }) => line)
}

function copiesOf({ services }: Operator, tenantId: string) {
  const { reason, status } = backups
  return services.db.read.select({ reason, status }).from(backups).where(eq(backups.tenantId, tenantId)).all()
}

/** The deploys that a run has asked the agent for: under how many ids, and what was heard of each. */
function deploysOf({ services }: Operator, runId: string) {
  const mine = and(eq(effects.runId, runId), eq(effects.verb, 'deploy'))
  const asked = services.db.read.select().from(effects).where(mine).orderBy(asc(effects.requestedAt)).all()
  const outcomes = asked.map(({ outcome }) => outcome)
  return { keys: new Set(asked.map(({ key }) => key)).size, outcomes, last: outcomes.at(-1) }
}

/** What the agent has said so far of a run's deploy. */
function told(operator: Operator, tenantId: string, runId: string): Promise<string> {
  return operator.onMachine(tenantId, `cat ${COMMANDS}/${runId}-deploy*/output`)
}

/** What runs on a tenant's server, by the word of its Docker. */
async function running(operator: Operator, tenantId: string) {
  const said = await operator.onMachine(
    tenantId,
    `docker inspect --format '{{index .Config.Labels "atlas.release"}}' app-app-1
    docker image inspect --format '{{join .RepoDigests "\\n"}}' $(docker inspect --format {{.Image}} app-app-1)`,
  )
  const [tag, ...images] = said.split('\n')
  return { release: tag, digests: images.map((image) => image.split('@')[1]) }
}

/** The releases that have migrated a tenant's data, in their order. */
async function migrations(operator: Operator, tenantId: string): Promise<string[]> {
  const noted = await operator.onMachine(
    tenantId,
    'cat /var/lib/docker/volumes/app_database/_data/migrations',
  )
  return noted.split('\n')
}

function digestOf({ yard }: Operator, tag: string): string | undefined {
  return yard.digests[tag]
}
