import { desc } from 'drizzle-orm'
import { outbox, rollouts, rolloutTargets, tenants } from '../../src/db/schema'
import { createRelease, type ReleaseAsked } from '../../src/releases/find'
import type { RolloutRow } from '../../src/rollouts/rollout'
import { type RolloutAsked, startRollout } from '../../src/rollouts/start'
import { parseStrategy, type WrittenStrategy } from '../../src/rollouts/strategy'
import type { Services } from '../../src/services'
import type { Machine } from '../../src/simulator/machines/machine'
import type { Publication } from '../../src/simulator/registry/images'
import { Estate } from '../estate'

const REPOSITORY = 'example/virtues'
const OPERATOR = { id: 'test' }

/** Live tenants on simulated machines, each reached over real SSH and HTTP, and a registry that is asked over HTTP. */
export class Wires {
  /** What every Atlas from now on is changed to: a control that must fail. */
  change: (services: Services) => Services = (same) => same

  private constructor(readonly estate: Estate) {}

  /** Opens a fleet of so many tenants, who run v42 by its digest. */
  static async open(names: readonly string[]): Promise<Wires> {
    const estate = await Estate.approved()
    const wires = new Wires(estate)
    try {
      wires.publish('v42')
      await createRelease(estate.services, { blueprint: 'virtues', tag: 'v42', actor: OPERATOR })
      for (const name of names) await estate.stage.tenant(name, `${name}@example.com`)
      await estate.live()
      return wires
    } catch (thrown) {
      await estate.close()
      throw thrown
    }
  }

  get db() {
    return this.estate.db
  }

  get clock() {
    return this.estate.clock
  }

  publish(tag: string, change: Partial<Publication> = {}): void {
    this.estate.clouds.registry.publish({ repository: REPOSITORY, tag, ...change })
  }

  /** Starts a rollout of an image that is published for it. */
  async rollOut(
    tag: string,
    written: WrittenStrategy = {},
    asked: Partial<ReleaseAsked> & Partial<RolloutAsked> = {},
  ): Promise<void> {
    const { services } = this.estate
    const { migration = 'none', backup } = asked
    const release = { blueprint: 'virtues', tag, migration, backup, actor: OPERATOR }
    const { id: releaseId } = await createRelease(services, release)
    const strategy = parseStrategy({ bake_minutes: 0, ...written })
    const all = { releaseId, strategy, actor: OPERATOR, nowMs: this.clock.now(), ...asked }
    this.db.write((tx) => startRollout(tx, services, all))
  }

  /** Works until the rollout has ended or waits for a person. */
  async live(): Promise<RolloutRow> {
    await this.liveUntil(() => this.isAtRest)
    return this.rollout
  }

  /** Works until something is so. */
  liveUntil(isSo: () => boolean): Promise<void> {
    return this.estate.workUntil(isSo, this.change(this.estate.services))
  }

  get rollout(): RolloutRow {
    const [rollout] = this.db.read.select().from(rollouts).orderBy(desc(rollouts.createdAt)).limit(1).all()
    if (!rollout) throw new Error('there is no rollout')
    return rollout
  }

  /** `name state part` of every target, in order. */
  targets(): string[] {
    const names = new Map(
      this.db.read
        .select()
        .from(tenants)
        .all()
        .map(({ id, subdomain }) => [id, subdomain]),
    )
    return this.db.read
      .select()
      .from(rolloutTargets)
      .orderBy(rolloutTargets.position)
      .all()
      .filter(({ rolloutId }) => rolloutId === this.rollout.id)
      .map(({ tenantId, state, failedPart }) =>
        [names.get(tenantId), state, failedPart].filter(Boolean).join(' '),
      )
  }

  /** What runs on each machine, by the tenant's name, as the machines themselves have it. */
  running(): Record<string, string> {
    const machines = this.estate.clouds.machines.list()
    return Object.fromEntries(machines.map(({ name, app }) => [nameOf(name), app.release ?? '']).sort())
  }

  /** How many deploys a tenant's machine has begun. */
  deploysOf(name: string): number {
    return this.machineOf(name).commands.filter(({ request }) => request.startsWith('deploy ')).length
  }

  machines(): Machine[] {
    return this.estate.clouds.world.table<Machine>('machines').all()
  }

  machineOf(tenant: string): Machine {
    const machine = this.machines().find(({ name }) => nameOf(name) === tenant)
    if (!machine) throw new Error('there is no such machine')
    return machine
  }

  /** Changes a machine as something would that Atlas knows nothing of. */
  changeMachine(tenant: string, change: Partial<Machine>): void {
    const machines = this.estate.clouds.world.table<Machine>('machines')
    machines.put({ ...this.machineOf(tenant), ...change })
  }

  /** The kinds of the mails about rollouts and failures. */
  mails(): string[] {
    const kinds = this.db.read.select().from(outbox).orderBy(outbox.createdAt).all()
    return kinds.map(({ kind }) => kind).filter((kind) => /^(rollout|failure)-/.test(kind))
  }

  close(): Promise<void> {
    return this.estate.close()
  }

  private get isAtRest(): boolean {
    const live = "SELECT count(*) AS n FROM runs WHERE status IN ('queued', 'running', 'waiting')"
    const { n } = this.db.sqlite.query(live).get() as { n: number }
    return n === 0 && !['running', 'going_back'].includes(this.rollout.status)
  }
}

/** Servers are named after their tenant. */
const nameOf = (server: string) => server.replace(/-[0-9a-z]{6}$/, '')
