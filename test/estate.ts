import { desc, eq } from 'drizzle-orm'
import { makeWorker } from '../src/atlas'
import { builtinBlueprints } from '../src/catalog/builtin'
import { loadCatalog } from '../src/catalog/catalog'
import { syncPlans } from '../src/catalog/plans'
import { ManualClock } from '../src/clock'
import type { Tx } from '../src/db/open'
import { organizations, outbox, runs, subscriptions } from '../src/db/schema'
import { retry, undo } from '../src/lifecycle/mend'
import { generateHostKey } from '../src/providers/ssh/keys'
import { getRun, type RunRow } from '../src/runs/run'
import { stepsOf } from '../src/runs/steps'
import type { Services } from '../src/services'
import type { Fault, FaultKind } from '../src/simulator/faults'
import type { Simulator } from '../src/simulator/simulator'
import type { Exchange } from '../src/simulator/twin'
import { getTenant, hostnameOf, type TenantRow } from '../src/tenants/tenant'
import { clientsOf, settingsFor, startClouds, stripeOf, Waiting } from './estate-clouds'
import { openStage, type Stage } from './stage'

/** How far the clock goes on in a real millisecond. */
const TICK_MS = 1_000
/** While an answer is waited for the clock is so many times slower: or on a busy machine every cloud would be slow. */
const SLOWER = 20
const PATIENCE_MS = 15_000
const PRICE = 'price_virtues_starter'
const OPERATOR = { id: 'test' }

export const DAY_MS = 86_400_000

/**
 * A customer's tenant, simulated clouds, and an Atlas that works on what is queued when it is told to. Everything is in
 * this process and goes over real wires; the clock runs fast, so that minutes of waiting are milliseconds here.
 */
export class Estate {
  readonly customer = { subdomain: 'ada', email: 'ada@example.com' }
  /** Every call to the clouds, in its order. */
  readonly exchanges: Exchange[] = []
  private readonly ticking: ReturnType<typeof setInterval>
  private ticks = 0

  private constructor(
    readonly clock: ManualClock,
    readonly clouds: Simulator,
    readonly stage: Stage,
    readonly tenantId: string,
    private readonly waiting: Waiting,
  ) {
    clouds.front.observe((exchange) => this.exchanges.push(exchange))
    this.ticking = setInterval(() => this.tick(), 1)
  }

  /** A paid and approved signup, for which nothing has been done yet. */
  static async approved(): Promise<Estate> {
    const clock = new ManualClock()
    const clouds = await startClouds(clock)
    const waiting = new Waiting()
    const services = { ...waiting.by(clientsOf(clouds, clock)), newHostKey: generateHostKey }
    const stage = openStage({ clock, services })
    Object.assign(stage.services.settings, settingsFor(clouds))
    const { tenantId } = await stage.tenant('ada', 'ada@example.com')
    return new Estate(clock, clouds, stage, tenantId, waiting)
  }

  /** A live tenant, whose subscription is at the simulated Stripe too. */
  static async open(): Promise<Estate> {
    const estate = await Estate.approved()
    try {
      await estate.live()
      estate.moveMoney()
      return estate
    } catch (thrown) {
      await estate.close()
      throw thrown
    }
  }

  get services(): Services {
    return this.stage.services
  }

  get db() {
    return this.services.db
  }

  get tenant(): TenantRow {
    return getTenant(this.db.read, this.tenantId)
  }

  /** The latest run. */
  get run(): RunRow {
    const [run] = this.db.read.select().from(runs).orderBy(desc(runs.createdAt), desc(runs.id)).limit(1).all()
    return getRun(this.db.read, run?.id ?? '')
  }

  /** Does one verb of the domain. */
  do<T>(verb: (tx: Tx, services: Services, tenantId: string, asked: Asked) => T): T {
    const asked = { actor: OPERATOR, nowMs: this.clock.now() }
    return this.db.write((tx) => verb(tx, this.services, this.tenantId, asked))
  }

  retry(): void {
    this.do((tx, services, _, { actor, nowMs }) => retry(tx, services, this.run.id, actor, nowMs))
  }

  undo(): void {
    this.do((tx, services, _, { actor, nowMs }) => undo(tx, services, this.run.id, actor, nowMs))
  }

  /** Lets the next calls of a verb go wrong, one unless `times` says more. */
  fault(provider: string, verb: string, kind: FaultKind, change: Partial<Fault> = {}): void {
    this.clouds.front.faults.add({ provider, verb, kind, times: 1, ...change })
  }

  /** Begins to work; resolves, when the returned function is called, as soon as nothing more is done. */
  begin(services = this.services): () => Promise<void> {
    const worker = makeWorker(services, { chance: () => 0.5 })
    worker.start()
    return async () => {
      await worker.stop(0)
      services.machines.close()
    }
  }

  /** Works until every run has ended and every mail is sent or given up. */
  live(change: (services: Services) => Services = (same) => same): Promise<void> {
    return this.workUntil(() => !this.isBusy, change(this.services))
  }

  /** Works until `line` is in the story, and does something at that very moment. */
  async liveUntil(line: string, act = () => {}): Promise<void> {
    await this.workUntil(() => {
      const isThere = this.story().includes(line)
      if (isThere) act()
      return isThere
    })
  }

  /** Works until something is so. */
  async workUntil(isSo: () => boolean, services = this.services): Promise<void> {
    const end = this.begin(services)
    try {
      await this.until(isSo)
    } finally {
      await end()
    }
  }

  /** Waits while Atlas works. */
  async until(isSo: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`It never came to that: ${this.story().join(', ')}`)
      await Bun.sleep(1)
    }
  }

  /** `name: status` of each step of the latest run. */
  story(): string[] {
    return stepsOf(this.db.read, this.run.id).map(({ name, status }) => `${name}: ${status}`)
  }

  /** The kinds of mails that the tenant was the subject of, in their order. */
  mails(): string[] {
    const mine = eq(outbox.subject, this.tenantId)
    const rows = this.db.read.select().from(outbox).where(mine).orderBy(outbox.createdAt, outbox.id).all()
    return rows.map(({ kind }) => kind)
  }

  /** What the clouds hold of the tenant. */
  async holdings() {
    const { cloud, dns, payments, settings } = this.services
    const labels = { atlas: settings.installationId, tenant: this.tenantId }
    const name = hostnameOf(this.tenant, settings.tenantDomain)
    const [server] = await cloud.listServers(labels)
    return {
      servers: (await cloud.listServers(labels)).length,
      addresses: (await cloud.listPrimaryIps()).length,
      volumes: (await cloud.listVolumes(labels)).length,
      images: (await cloud.listOwnImages(labels)).length,
      records: (await dns.findRecord(name, 'A'))?.values.length ?? 0,
      subscriptions: (await payments.listLiveSubscriptions()).length,
      app: this.clouds.machines.list().find(({ ipv4 }) => ipv4 === server?.ipv4)?.app.state ?? 'none',
    }
  }

  /** What the tenant's own name answers with. */
  async visit(): Promise<{ status: number; text: string }> {
    const { tenants } = this.clouds.urls
    const host = `${this.tenant.subdomain}.localhost:${new URL(tenants).port}`
    const answer = await fetch(tenants, { headers: { host } })
    return { status: answer.status, text: await answer.text() }
  }

  async close(): Promise<void> {
    clearInterval(this.ticking)
    this.services.machines.close()
    await this.stage.close()
    await this.clouds.stop()
  }

  private tick(): void {
    const isWaiting = this.waiting.count > 0
    if (!isWaiting || ++this.ticks % SLOWER === 0) this.clock.advance(TICK_MS)
  }

  private get isBusy(): boolean {
    const { busy } = this.db.sqlite
      .query(
        `SELECT (SELECT count(*) FROM runs WHERE status IN ('queued', 'running', 'waiting'))
              + (SELECT count(*) FROM outbox WHERE status = 'queued') AS busy`,
      )
      .get() as { busy: number }
    return busy > 0
  }

  /** From here on the subscription is at the simulated Stripe, where the stage had played it. */
  private moveMoney(): void {
    const { services, clock, clouds } = this
    const env = { ...services.env, STRIPE_PRICE_STARTER: PRICE, STRIPE_PRICE_PRO: 'price_virtues_pro' }
    const catalog = loadCatalog({ builtin: builtinBlueprints, env })
    Object.assign(services, { env, catalog, ...this.waiting.by({ payments: stripeOf(clouds) }) })
    const signupId = this.tenant.signupId ?? ''
    const { subscription } = clouds.stripe.seed({
      at: clock.now() - DAY_MS,
      priceId: PRICE,
      payer: { email: this.customer.email, name: 'Ada' },
      clientReferenceId: signupId,
      metadata: { signup_id: signupId },
      successUrl: 'https://shop.example.com/',
    })
    this.db.write((tx) => {
      syncPlans(tx, catalog, clock.now())
      tx.update(organizations).set({ stripeCustomerId: subscription.customer }).run()
      tx.update(subscriptions).set({ stripeId: subscription.id, priceId: PRICE }).run()
    })
  }
}

type Asked = { actor: { id: string }; nowMs: number }
