import { desc, eq } from 'drizzle-orm'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { loadCatalog } from '../../src/catalog/catalog'
import { syncPlans } from '../../src/catalog/plans'
import { CLOUD_KEYS } from '../../src/cli/demo-environment'
import type { Tx } from '../../src/db/open'
import { organizations, outbox, runs, subscriptions } from '../../src/db/schema'
import { createS3 } from '../../src/providers/s3'
import { createStripe } from '../../src/providers/stripe'
import { getRun, type RunRow } from '../../src/runs/run'
import { stepsOf } from '../../src/runs/steps'
import type { Services } from '../../src/services'
import type { Fault, FaultKind } from '../../src/simulator/faults'
import { getTenant, hostnameOf, type TenantRow } from '../../src/tenants/tenant'
import { Land } from '../crash/land'

const PATIENCE_MS = 10_000
const OPERATOR = { id: 'test' }

export const DAY_MS = 86_400_000

/**
 * A live tenant whose server, name, subscription and backups are at the simulated clouds, each reached by the real
 * client over its wire; one Atlas after the other works on what is queued.
 */
export class Estate {
  private constructor(readonly land: Land) {}

  static async open(): Promise<Estate> {
    const land = await Land.open()
    const estate = new Estate(land)
    try {
      await land.live()
      estate.moveMoney()
      return estate
    } catch (thrown) {
      await land.close()
      throw thrown
    }
  }

  get services(): Services {
    return this.land.stage.services
  }

  get db() {
    return this.land.db
  }

  get clock() {
    return this.land.clock
  }

  get tenant(): TenantRow {
    return getTenant(this.db.read, this.land.tenantId)
  }

  /** The latest run. */
  get run(): RunRow {
    const [run] = this.db.read.select().from(runs).orderBy(desc(runs.createdAt), desc(runs.id)).limit(1).all()
    return getRun(this.db.read, run?.id ?? '')
  }

  /** Does one verb of the domain. */
  do<T>(verb: (tx: Tx, services: Services, tenantId: string, asked: Asked) => T): T {
    const asked = { actor: OPERATOR, nowMs: this.clock.now() }
    return this.db.write((tx) => verb(tx, this.services, this.land.tenantId, asked))
  }

  /** Works until everything has ended. */
  async live(): Promise<void> {
    await this.land.live()
  }

  /** Works until `line` is in the story, and does something at that very moment. */
  async liveUntil(line: string, act = () => {}): Promise<void> {
    const life = this.land.begin()
    const deadline = Date.now() + PATIENCE_MS
    while (!this.story().includes(line)) {
      if (Date.now() > deadline) throw new Error(`It never came to that. ${this.story().join(', ')}`)
      await Bun.sleep(1)
    }
    act()
    await life.end()
  }

  /** Lets the next calls of a verb go wrong, one unless `times` says more. */
  fault(provider: string, verb: string, kind: FaultKind, change: Partial<Fault> = {}): void {
    this.land.clouds.front.faults.add({ provider, verb, kind, times: 1, ...change })
  }

  /** `name: status` of each step of the latest run. */
  story(): string[] {
    return stepsOf(this.db.read, this.run.id).map(({ name, status }) => `${name}: ${status}`)
  }

  /** The kinds of mails that the tenant was the subject of, in their order. */
  mails(): string[] {
    const mine = eq(outbox.subject, this.land.tenantId)
    return this.db.read
      .select()
      .from(outbox)
      .where(mine)
      .orderBy(outbox.createdAt, outbox.id)
      .all()
      .map(({ kind }) => kind)
  }

  /** The clients that Atlas itself uses. */
  async clients<T>(work: (services: Services) => Promise<T>): Promise<T> {
    const life = this.land.begin()
    await life.end()
    return work(life.services)
  }

  /** What the clouds hold of the tenant. */
  holdings() {
    return this.clients(async ({ cloud, dns, payments, settings }) => {
      const labels = { atlas: settings.installationId, tenant: this.tenant.id }
      const name = hostnameOf(this.tenant, settings.tenantDomain)
      const [server] = await cloud.listServers(labels)
      return {
        servers: (await cloud.listServers(labels)).length,
        addresses: (await cloud.listPrimaryIps()).length,
        volumes: (await cloud.listVolumes(labels)).length,
        images: (await cloud.listOwnImages(labels)).length,
        records: (await dns.findRecord(name, 'A'))?.values.length ?? 0,
        subscriptions: (await payments.listLiveSubscriptions()).length,
        app: this.land.clouds.machines.list().find(({ ipv4 }) => ipv4 === server?.ipv4)?.app.state ?? 'none',
      }
    })
  }

  /** What the tenant's own name answers with. */
  async visit(): Promise<{ status: number; text: string }> {
    const host = `${this.tenant.subdomain}.localhost:${new URL(this.land.clouds.urls.tenants).port}`
    const answer = await fetch(this.land.clouds.urls.tenants, { headers: { host } })
    return { status: answer.status, text: await answer.text() }
  }

  close(): Promise<void> {
    return this.land.close()
  }

  /** From here on the subscription is at the simulated Stripe, and backups at the simulated storage. */
  private moveMoney(): void {
    const { services, clock, land } = this
    const { clouds } = land.clouds.urls
    const env = {
      ...services.env,
      STRIPE_PRICE_STARTER: 'price_virtues_starter',
      STRIPE_PRICE_PRO: 'price_virtues_pro',
    }
    const apiUrl = clouds.replace('127.0.0.1', 'localhost')
    Object.assign(services, {
      env,
      catalog: loadCatalog({ builtin: builtinBlueprints, env }),
      payments: createStripe({ secretKey: CLOUD_KEYS.stripe, webhookSecret: 'whsec_unused', apiUrl }),
      objects: createS3({ endpoint: `${clouds}/s3`, ...CLOUD_KEYS.s3, clock }),
    })
    const { subscription } = land.clouds.stripe.seed({
      at: clock.now() - DAY_MS,
      priceId: 'price_virtues_starter',
      payer: { email: land.customer.email, name: 'Ada' },
      clientReferenceId: this.tenant.signupId ?? '',
      metadata: { signup_id: this.tenant.signupId ?? '' },
      successUrl: 'https://shop.example.com/',
    })
    this.db.write((tx) => {
      syncPlans(tx, services.catalog, clock.now())
      tx.update(organizations).set({ stripeCustomerId: subscription.customer }).run()
      tx.update(subscriptions).set({ stripeId: subscription.id, priceId: 'price_virtues_starter' }).run()
    })
  }
}

type Asked = { actor: { id: string }; nowMs: number }
