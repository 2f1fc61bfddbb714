import { desc } from 'drizzle-orm'
import { CLOUD_KEYS } from '../../src/cli/demo-environment'
import { SystemClock } from '../../src/clock'
import { outbox, rollouts, rolloutTargets, tenants } from '../../src/db/schema'
import { healthLane } from '../../src/health/lane'
import { createRegistry } from '../../src/providers/oci-registry'
import { createS3 } from '../../src/providers/s3'
import { createRelease, type ReleaseAsked } from '../../src/releases/release'
import { rolloutLane } from '../../src/rollouts/lane'
import type { RolloutRow } from '../../src/rollouts/rollout'
import { type RolloutAsked, startRollout } from '../../src/rollouts/start'
import { parseStrategy, type WrittenStrategy } from '../../src/rollouts/strategy'
import { Worker } from '../../src/runs/worker'
import type { Services } from '../../src/services'
import type { Machine } from '../../src/simulator/machines/machine'
import type { Publication } from '../../src/simulator/registry/images'
import type { Fate } from '../crash/fate'
import { Land, type Life } from '../crash/land'

const REPOSITORY = 'example/virtues'
const PATIENCE_MS = 20_000
const OPERATOR = { id: 'test' }

/** Live tenants on simulated machines, each reached over real SSH and HTTP, and a registry that is asked over HTTP. */
export class Wires {
  /** What every Atlas from now on is changed to: a control that must fail. */
  change: (services: Services) => Services = (same) => same

  private constructor(readonly land: Land) {}

  /** Opens a fleet of so many tenants, who run v42 by its digest. */
  static async open(names: readonly string[]): Promise<Wires> {
    const land = await Land.open()
    const wires = new Wires(land)
    try {
      wires.publish('v42')
      await createRelease(wires.services(land.stage.services), {
        ...{ blueprint: 'virtues', tag: 'v42', actor: OPERATOR },
      })
      for (const name of names) await land.stage.tenant(name, `${name}@example.com`)
      await land.live([], (services) => wires.services(services))
      return wires
    } catch (thrown) {
      await land.close()
      throw thrown
    }
  }

  get db() {
    return this.land.db
  }

  get clock() {
    return this.land.clock
  }

  publish(tag: string, change: Partial<Publication> = {}): void {
    this.land.clouds.registry.publish({ repository: REPOSITORY, tag, ...change })
  }

  /** The real clients of what a rollout needs besides what a provisioning does. */
  services(others: Services): Services {
    const { clouds } = this.land.clouds.urls
    const clock = new SystemClock()
    return this.change({
      ...others,
      registry: createRegistry({ ...CLOUD_KEYS.registry, host: 'ghcr.io', apiUrl: clouds, clock }),
      objects: createS3({ endpoint: `${clouds}/s3`, ...CLOUD_KEYS.s3, clock: this.clock }),
    })
  }

  /** Starts a rollout of an image that is published for it. */
  async rollOut(
    tag: string,
    written: WrittenStrategy = {},
    asked: Partial<ReleaseAsked> & Partial<RolloutAsked> = {},
  ): Promise<void> {
    const services = this.services(this.land.stage.services)
    const { migration = 'none', backup } = asked
    const release = { blueprint: 'virtues', tag, migration, backup, actor: OPERATOR }
    const { id: releaseId } = await createRelease(services, release)
    const strategy = parseStrategy({ bake_minutes: 0, ...written })
    const all = { releaseId, strategy, actor: OPERATOR, nowMs: this.clock.now(), ...asked }
    this.db.write((tx) => startRollout(tx, services, all))
  }

  /** Lets one Atlas after the other work, each dying at its moment, until the rollout has ended or waits for a person. */
  async live(fates: Fate[] = []): Promise<RolloutRow> {
    for (const fate of fates) {
      const life = this.begin(fate)
      await Promise.race([this.rest(), fate.death.promise])
      await life.end()
    }
    const life = this.begin()
    await this.rest()
    await life.end()
    return this.rollout
  }

  /** Lets Atlas work until something is so. */
  async liveUntil(isSo: (services: Services) => boolean): Promise<void> {
    const life = this.begin()
    await this.until(() => isSo(life.services))
    await life.end()
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
    const machines = this.land.clouds.machines.list()
    return Object.fromEntries(machines.map(({ name, app }) => [nameOf(name), app.release ?? '']).sort())
  }

  /** How many deploys a tenant's machine has begun. */
  deploysOf(name: string): number {
    return this.machineOf(name).commands.filter(({ request }) => request.startsWith('deploy ')).length
  }

  machines(): Machine[] {
    return this.land.clouds.world.table<Machine>('machines').all()
  }

  machineOf(tenant: string): Machine {
    const machine = this.machines().find(({ name }) => nameOf(name) === tenant)
    if (!machine) throw new Error('there is no such machine')
    return machine
  }

  /** Changes a machine as something would that Atlas knows nothing of. */
  changeMachine(tenant: string, change: Partial<Machine>): void {
    const machines = this.land.clouds.world.table<Machine>('machines')
    machines.put({ ...this.machineOf(tenant), ...change })
  }

  /** The kinds of the mails about rollouts and failures. */
  mails(): string[] {
    const kinds = this.db.read.select().from(outbox).orderBy(outbox.createdAt).all()
    return kinds.map(({ kind }) => kind).filter((kind) => /^(rollout|failure)-/.test(kind))
  }

  close(): Promise<void> {
    return this.land.close()
  }

  private begin(fate?: Fate): Pick<Life, 'end' | 'services'> {
    const life = this.land.begin(fate, (services) => this.services(services))
    const { db, clock, log } = life.services
    const worker = new Worker(db, clock, log, [
      healthLane(life.services),
      rolloutLane(life.services),
    ] as never)
    worker.start()
    return {
      services: life.services,
      end: async () => {
        await worker.stop(0)
        await life.end()
      },
    }
  }

  private rest(): Promise<void> {
    return this.until(() => !['running', 'going_back'].includes(this.rollout.status) && this.liveRuns() === 0)
  }

  private liveRuns(): number {
    const live = "SELECT count(*) AS n FROM runs WHERE status IN ('queued', 'running', 'waiting')"
    return (this.db.sqlite.query(live).get() as { n: number }).n
  }

  private async until(isSo: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`It never came to that: ${this.targets().join(', ')}`)
      await Bun.sleep(2)
    }
  }
}

/** Servers are named after their tenant. */
const nameOf = (server: string) => server.replace(/-[0-9a-z]{6}$/, '')
