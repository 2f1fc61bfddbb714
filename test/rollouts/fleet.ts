import { createHash } from 'node:crypto'
import { and, desc, eq, inArray, lt } from 'drizzle-orm'
import { agentVersion } from '../../src/catalog/builtin'
import { generateSecrets } from '../../src/catalog/settings'
import { type ManualClock, sleep } from '../../src/clock'
import type { Db } from '../../src/db/open'
import { healthChecks, outbox, rollouts, rolloutTargets, runs, servers, tenants } from '../../src/db/schema'
import { conflict, unavailable } from '../../src/errors'
import { healthLane } from '../../src/health/lane'
import { allRecipes } from '../../src/lifecycle/recipes'
import type { AgentCommand, AgentReply, MachineTarget } from '../../src/providers/machines'
import { createRelease, type ReleaseAsked } from '../../src/releases/find'
import { type Decide, decide } from '../../src/rollouts/decide'
import { rolloutLane } from '../../src/rollouts/lane'
import type { RolloutRow } from '../../src/rollouts/rollout'
import { type RolloutAsked, startRollout } from '../../src/rollouts/start'
import { parseStrategy, type WrittenStrategy } from '../../src/rollouts/strategy'
import { recoverRuns } from '../../src/runs/claim'
import { Engine } from '../../src/runs/engine'
import { runLane } from '../../src/runs/run-lane'
import { Worker } from '../../src/runs/worker'
import { seal } from '../../src/secrets'
import type { Services } from '../../src/services'
import { storeSecrets } from '../../src/tenants/secrets'
import { dataKeyPlace, getTenant } from '../../src/tenants/tenant'
import { ENCRYPTION_KEY, openStage, type Stage } from '../stage'

/** How a release ends on a machine: the part that fails, or `stuck` when the way back fails too. */
export type Behaviour = 'good' | 'pull' | 'migrate' | 'health' | 'smoke' | 'stuck' | 'lost'

export const OPERATOR = { id: 'test' }
export const MINUTE = 60_000
const KEY = 'ssh-ed25519 AAAA'
/** What goes wrong only after the new release has been started. */
const SWITCHED: readonly Behaviour[] = ['health', 'smoke']

type Ordered = { release: string; former: { release: string }; no_return?: string }

type Machine = { name: string; release: string; commands: Map<string, Promise<AgentReply>> }

/** Active tenants `t00`, `t01`, … whose machines are a few words in this process, and the lanes that work on them. */
export class Fleet {
  readonly machines = new Map<string, Machine>()
  /** What was deployed where, in order: `t03 v43`. */
  readonly deployed: string[] = []
  /** Whoever can't be reached, by name. */
  readonly silent = new Set<string>()
  /** Whose app gives visitors no good answer, with which release: `t01 v43`. */
  readonly ill = new Set<string>()
  behaves: (name: string, release: string) => Behaviour = () => 'good'
  mostAtOnce = 0
  /** What one deploy takes on a machine. */
  deployMs = 30_000
  private atOnce = 0
  private worker?: Worker

  private constructor(readonly stage: Stage) {
    Object.assign(stage.services, {
      registry: { resolve: async ({ tag }: { tag: string }) => ({ digest: digestOf(tag) }) },
      machines: { run: this.run.bind(this), close: () => {} },
      probe: { get: async ({ url }: { url: string }) => this.answer(url) },
    })
  }

  static async open(size: number, { file }: { file?: string } = {}): Promise<Fleet> {
    const fleet = new Fleet(openStage({ file }))
    const { tenantId, runId } = await fleet.stage.tenant('template')
    fleet.db.write((tx) => {
      tx.update(runs).set({ status: 'cancelled', finishedAt: 0 }).where(eq(runs.id, runId)).run()
      for (let number = 0; number < size; number++) fleet.admit(tx, tenantId, number)
      tx.update(tenants).set({ status: 'deleting' }).where(eq(tenants.id, tenantId)).run()
      tx.update(tenants).set({ status: 'deleted' }).where(eq(tenants.id, tenantId)).run()
    })
    fleet.begin()
    return fleet
  }

  get services(): Services {
    return this.stage.services
  }

  get db(): Db {
    return this.stage.services.db
  }

  get clock(): ManualClock {
    return this.stage.clock
  }

  /** A process's worth of Atlas; `services` when it is to work on another view of the same database. */
  begin(services = this.services, by: Decide = decide): void {
    const { db, clock, log } = services
    db.write((tx) => recoverRuns(tx, clock.now()))
    const recipes = allRecipes(services)
    const engine = new Engine({ db, clock, log, recipes, chance: () => 0.5 })
    const lanes = [runLane(db, clock, engine, 'test'), healthLane(services), rolloutLane(services, by)]
    this.worker = new Worker(db, clock, log, lanes as never)
    this.worker.start()
  }

  async end(): Promise<void> {
    await this.worker?.stop(0)
  }

  release(tag: string, change: Partial<ReleaseAsked> = {}) {
    const asked = { blueprint: 'virtues', tag, migration: 'none' as const, actor: OPERATOR }
    return createRelease(this.services, { ...asked, ...change })
  }

  /** Starts a rollout of a release that is made for it. */
  async rollOut(
    tag: string,
    written: WrittenStrategy = {},
    { migration, backup, ...asked }: Partial<ReleaseAsked> & Partial<RolloutAsked> = {},
  ): Promise<string> {
    const { id } = await this.release(tag, { migration: migration ?? 'none', backup })
    const nowMs = this.clock.now()
    const all = { releaseId: id, strategy: parseStrategy(written), actor: OPERATOR, nowMs, ...asked }
    return this.db.write((tx) => startRollout(tx, this.services, all)).rolloutId
  }

  /** Lets time go by, some seconds at a time, and everything that becomes due be done. */
  async pass(minutes: number): Promise<void> {
    const until = this.clock.now() + minutes * MINUTE
    await this.rest()
    while (this.clock.now() < until) {
      this.clock.advance(Math.min(this.isAtWork() ? 5_000 : 30_000, until - this.clock.now()))
      await this.rest()
    }
  }

  private isAtWork(): boolean {
    const live = inArray(runs.status, ['queued', 'running', 'waiting'])
    return (
      this.db.read
        .select({ id: runs.id })
        .from(runs)
        .where(and(live, lt(runs.availableAt, 1e15)))
        .limit(1)
        .get() !== undefined
    )
  }

  /** Lets time go by until something is so, for two days at most. */
  async passUntil(isSo: () => boolean): Promise<void> {
    for (let step = 0; step < 2 * 24 * 60 && !isSo(); step++) await this.pass(1)
    if (!isSo()) throw new Error(`It never came to that: ${JSON.stringify(this.rollout)}`)
  }

  /** Lets time go by until the latest rollout has ended or waits for a person. */
  async live(): Promise<RolloutRow> {
    await this.passUntil(() => !['running', 'going_back'].includes(this.rollout.status))
    await this.pass(2)
    return this.rollout
  }

  /** Work waits for the clock or has ended, once nothing has happened for a few turns. */
  private async rest(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** The latest rollout. */
  get rollout(): RolloutRow {
    const [rollout] = this.db.read
      .select()
      .from(rollouts)
      .orderBy(desc(rollouts.createdAt), desc(rollouts.id))
      .limit(1)
      .all()
    if (!rollout) throw new Error('there is no rollout')
    return rollout
  }

  /** The targets of the latest rollout, in order, with their names. */
  targets() {
    return this.db.read
      .select()
      .from(rolloutTargets)
      .where(eq(rolloutTargets.rolloutId, this.rollout.id))
      .orderBy(rolloutTargets.position)
      .all()
      .map((target) => ({ ...target, name: target.tenantId.replace('ten_', '') }))
  }

  /** How many targets are in each state. */
  states(): Record<string, number> {
    const groups = Object.groupBy(this.targets(), ({ state }) => state)
    return Object.fromEntries(Object.entries(groups).map(([state, targets]) => [state, targets.length]))
  }

  tenant(name: string) {
    const tenant = this.db.read
      .select()
      .from(tenants)
      .where(eq(tenants.id, `ten_${name}`))
      .get()
    if (!tenant) throw new Error('there is no such tenant')
    return tenant
  }

  /** Changes a tenant as something else would that is none of this test's business. */
  change(name: string, fields: Partial<typeof tenants.$inferSelect>): void {
    this.db.write((tx) =>
      tx
        .update(tenants)
        .set(fields)
        .where(eq(tenants.id, `ten_${name}`))
        .run(),
    )
  }

  setHealth(name: string, state: 'healthy' | 'failing' | 'unhealthy'): void {
    const change = { state, checkedAt: this.clock.now(), changedAt: this.clock.now(), reason: 'No answer.' }
    this.db.write((tx) =>
      tx
        .update(healthChecks)
        .set(change)
        .where(eq(healthChecks.tenantId, `ten_${name}`))
        .run(),
    )
  }

  /** The release that each machine really runs. */
  running(): string[] {
    return [...new Set([...this.machines.values()].map(({ release }) => release))].sort()
  }

  /** The kinds and subjects of the mails that were queued. */
  mails(): string[] {
    return this.db.read
      .select()
      .from(outbox)
      .orderBy(outbox.createdAt, outbox.id)
      .all()
      .map(({ kind }) => kind)
      .filter((kind) => kind.startsWith('rollout') || kind === 'failure-notice')
  }

  async close(): Promise<void> {
    await this.end()
    await this.stage.close()
  }

  private admit(tx: Parameters<Parameters<Db['write']>[0]>[0], template: string, number: number): void {
    const like = tx.select().from(tenants).where(eq(tenants.id, template)).get()
    if (!like) throw new Error('the template is gone')
    const name = `t${String(number).padStart(2, '0')}`
    const address = `198.18.${number >> 8}.${number & 255}`
    const createdAt = this.clock.now()
    const more = {
      subdomain: name,
      skeleton: name,
      signupId: null,
      status: 'active' as const,
      release: 'v42',
    }
    tx.insert(tenants)
      .values({
        ...like,
        ...more,
        id: `ten_${name}`,
        dataKey: seal(ENCRYPTION_KEY, like.dataKey.subarray(0, 32), dataKeyPlace(`ten_${name}`)),
      })
      .run()
    const secrets = generateSecrets(this.services.catalog.front, this.services.random)
    storeSecrets(tx, this.services, getTenant(tx, `ten_${name}`), secrets, createdAt)
    const server = { id: `srv_${name}`, tenantId: `ten_${name}`, name, ipv4: address, hostKey: KEY }
    tx.insert(servers)
      .values({ ...server, provider: 'hetzner', createdAt })
      .run()
    this.machines.set(address, { name, release: 'v42', commands: new Map() })
  }

  private answer(url: string) {
    const name = new URL(url).hostname.split('.')[0]
    const machine = [...this.machines.values()].find((one) => one.name === name)
    if (this.ill.has(`${name} ${machine?.release}`))
      return { ok: true as const, status: 500, body: '', tookMs: 1 }
    return { ok: true as const, status: 200, body: '', tookMs: 1 }
  }

  private run({ address }: MachineTarget, command: AgentCommand): Promise<AgentReply> {
    const machine = this.machines.get(address)
    if (!machine || this.silent.has(machine.name))
      return Promise.reject(unavailable('The server cannot be reached over SSH.', { outcome: 'refused' }))
    if (command.verb === 'status') {
      const app = { state: 'running', release: machine.release, digest: digestOf(machine.release) }
      return Promise.resolve({ result: { agent_version: agentVersion, ready: true, app }, hostKey: KEY })
    }
    if (command.verb !== 'deploy') return Promise.resolve({ result: {}, hostKey: KEY })
    const known = machine.commands.get(command.commandId)
    const reply = known ?? this.deploy(machine, command.input)
    machine.commands.set(command.commandId, reply)
    return reply
  }

  private async deploy(machine: Machine, input: Record<string, unknown>): Promise<AgentReply> {
    const { release, former, no_return } = input as Ordered
    this.deployed.push(`${machine.name} ${release}`)
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce)
    await sleep(this.clock, this.deployMs)
    this.atOnce--
    const behaviour = this.behaves(machine.name, release)
    if (behaviour === 'lost') {
      this.silent.add(machine.name)
      throw unavailable('The connection to the server broke.', { outcome: 'unknown' })
    }
    const stays = behaviour === 'stuck' || (no_return && SWITCHED.includes(behaviour))
    machine.release = behaviour === 'good' || stays ? release : former.release
    if (behaviour === 'good') return { result: { release, digest: digestOf(release) }, hostKey: KEY }
    const facts = {
      part: behaviour === 'stuck' ? 'health' : behaviour,
      back: !stays && !(no_return && behaviour === 'migrate'),
      log: ['boom'],
    }
    throw conflict(`It failed at ${facts.part}.`, { vendorCode: 'agent_conflict', outcome: 'refused', facts })
  }
}

export const digestOf = (tag: string) => `sha256:${createHash('sha256').update(tag).digest('hex')}`
