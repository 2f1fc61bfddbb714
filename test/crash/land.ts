import { CLOUD_KEYS, SSH_KEY_NAME, ZONE_ID } from '../../src/cli/demo-environment'
import { demoPrices } from '../../src/cli/demo-goods'
import { ManualClock, SystemClock } from '../../src/clock'
import { retry, undo } from '../../src/lifecycle/mend'
import { allRecipes } from '../../src/lifecycle/recipes'
import { createHetzner } from '../../src/providers/hetzner'
import { createProbe } from '../../src/providers/http-probe'
import { createResend } from '../../src/providers/resend'
import { createRoute53 } from '../../src/providers/route53'
import { createMachines } from '../../src/providers/ssh'
import { generateHostKey } from '../../src/providers/ssh/keys'
import { Engine } from '../../src/runs/engine'
import { outboxLane } from '../../src/runs/outbox'
import { getRun, type RunRow, recoverRuns } from '../../src/runs/run'
import { runLane } from '../../src/runs/run-lane'
import { Worker } from '../../src/runs/worker'
import type { Services } from '../../src/services'
import type { FaultKind } from '../../src/simulator/faults'
import { type Simulator, startSimulator } from '../../src/simulator/simulator'
import type { Exchange } from '../../src/simulator/twin'
import { openStage, type Stage } from '../stage'
import { Fate, MortalDb, mortal } from './fate'

/** How far the clock goes on in a real millisecond. */
const TICK_MS = 1_000
const CLOUD_SPEED = 1_000_000
const PATIENCE_MS = 15_000
const CUSTOMER = { subdomain: 'ada', email: 'ada@example.com' }
const atlasKey = generateHostKey()

/**
 * A paid and approved signup, simulated clouds, and one Atlas after the other that works on it. Everything is in this
 * process and goes over real wires; the clock runs fast, so that minutes of waiting are milliseconds here.
 */
export class Land {
  readonly customer = CUSTOMER
  /** Every call to the clouds, in its order. */
  readonly exchanges: Exchange[] = []
  private ticking: ReturnType<typeof setInterval>

  private constructor(
    readonly clock: ManualClock,
    readonly clouds: Simulator,
    readonly stage: Stage,
    readonly tenantId: string,
    readonly runId: string,
  ) {
    clouds.front.observe((exchange) => this.exchanges.push(exchange))
    this.ticking = setInterval(() => clock.advance(TICK_MS), 1)
  }

  static async open(): Promise<Land> {
    const clock = new ManualClock()
    const clouds = await startSimulator({
      clock,
      speed: CLOUD_SPEED,
      ports: { clouds: 0, tenants: 0, gateway: 0 },
      keys: CLOUD_KEYS,
      prices: demoPrices(),
      webhook: { url: 'http://127.0.0.1:9/', secret: 'unused' },
      zone: { id: ZONE_ID, name: 'localhost' },
      sshKey: { name: SSH_KEY_NAME, publicKey: atlasKey.publicKey },
    })
    const stage = openStage({ clock })
    const { settings } = stage.services
    settings.tenantDomain = new URL(clouds.urls.tenants.replace('127.0.0.1', 'localhost')).host
    settings.sshKeyId = SSH_KEY_NAME
    settings.sshPublicKey = atlasKey.publicKey
    const { tenantId, runId } = await stage.tenant(CUSTOMER.subdomain, CUSTOMER.email)
    return new Land(clock, clouds, stage, tenantId, runId)
  }

  get db() {
    return this.stage.services.db
  }

  get run(): RunRow {
    return getRun(this.db.read, this.runId)
  }

  /** An Atlas that begins where the one before it ended, and ends as `fate` says. */
  begin(fate = new Fate(), change: (services: Services) => Services = (same) => same): Life {
    const db = new MortalDb(this.db.sqlite, fate)
    const services = change({ ...this.stage.services, ...this.providers(), db, newHostKey: generateHostKey })
    return new Life({ ...services, ...mortal(services, fate) }, fate)
  }

  /** Lets one life after the other work on what is queued, dying at the given moments, until all is done. */
  async live(deaths: (number | string)[] = [], change?: (services: Services) => Services): Promise<Fate[]> {
    const fates = [...deaths.map((moment) => new Fate(moment)), new Fate()]
    const lived: Fate[] = []
    for (const fate of fates) {
      lived.push(fate)
      const life = this.begin(fate, change)
      await Promise.race([life.settled(), fate.death.promise])
      await life.end()
      if (!fate.isDead) break
    }
    return lived
  }

  /** Lets the next `times` calls of a verb go wrong. */
  fault(
    provider: string,
    verb: string,
    kind: FaultKind,
    change: { times?: number; code?: string } = {},
  ): void {
    this.clouds.front.faults.add({ provider, verb, kind, times: 1, ...change })
  }

  retry(): void {
    this.db.write((tx) => retry(tx, this.stage.services, this.runId, { id: 'test' }, this.clock.now()))
  }

  undo(): void {
    this.db.write((tx) => undo(tx, this.stage.services, this.runId, { id: 'test' }, this.clock.now()))
  }

  async close(): Promise<void> {
    clearInterval(this.ticking)
    await this.stage.close()
    await this.clouds.stop()
  }

  /** The real clients; their own time-outs are those of the machine's clock. */
  private providers() {
    const clock = new SystemClock()
    const { clouds, gateway } = this.clouds.urls
    return {
      cloud: createHetzner({ token: CLOUD_KEYS.hetzner, apiUrl: `${clouds}/hetzner/v1`, clock }),
      dns: createRoute53({
        accessKeyId: CLOUD_KEYS.awsAccessKeyId,
        secretAccessKey: 'secret',
        hostedZoneId: ZONE_ID,
        apiUrl: `${clouds}/route53`,
        clock,
      }),
      mailer: createResend({ apiKey: CLOUD_KEYS.resend, apiUrl: `${clouds}/resend` }),
      machines: createMachines({ privateKey: atlasKey.privateKey, gatewayUrl: gateway, clock }),
      probe: createProbe({ gatewayUrl: gateway, clock }),
    }
  }
}

/** One process's worth of Atlas: what works on runs and mails. */
export class Life {
  private readonly worker: Worker

  constructor(
    readonly services: Services,
    fate: Fate,
  ) {
    const { db, clock, log, mailer, settings } = services
    const chance = () => 0.5
    const engine = new Engine({ db, clock, log, recipes: allRecipes(services), chance })
    this.worker = new Worker(db, clock, log, [
      runLane(db, clock, engine, 'test'),
      outboxLane({ db, clock, log, mailer, key: settings.encryptionKey, chance }),
    ] as ConstructorParameters<typeof Worker>[3])
    try {
      db.write((tx) => recoverRuns(tx, clock.now()))
      this.worker.start()
    } catch (thrown) {
      if (!fate.isDead) throw thrown
    }
  }

  /** Resolves when every run has ended and every mail is sent or given up. */
  async settled(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (isBusy(this.services)) {
      if (Date.now() > deadline) throw new Error('The work did not come to an end.')
      await Bun.sleep(2)
    }
  }

  async end(): Promise<void> {
    await this.worker.stop(0)
    this.services.machines.close()
  }
}

function isBusy({ db }: Services): boolean {
  const { runs: live, mails } = db.sqlite
    .query(
      `SELECT (SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting')) AS runs,
              (SELECT count(*) FROM outbox WHERE status = 'queued') AS mails`,
    )
    .get() as { runs: number; mails: number }
  return live + mails > 0
}
