import { and, eq } from 'drizzle-orm'
import { makeServices, makeWorker, readSettings } from '../../src/atlas'
import { startCheckout } from '../../src/checkouts/start'
import { receiveWebhook } from '../../src/crashtest/webhook'
import { openDb, type Tx } from '../../src/db/open'
import { signups } from '../../src/db/schema'
import { CLOUD_KEYS, SSH_KEY_NAME, ZONE_ID } from '../../src/demo/environment'
import { approveSignup } from '../../src/lifecycle/approve'
import { Log } from '../../src/log'
import { createProbe } from '../../src/providers/http-probe'
import type { MachineTarget } from '../../src/providers/machines'
import { createRegistry } from '../../src/providers/oci-registry'
import { createS3 } from '../../src/providers/s3'
import { targetOf } from '../../src/provisioning/agent'
import { getRun, latestRun, type RunRow } from '../../src/runs/run'
import type { Worker } from '../../src/runs/worker'
import type { Services } from '../../src/services'
import { getTenant, hostnameOf, serverOf, type TenantRow } from '../../src/tenants/tenant'
import { containerOf } from './docker-driver'
import type { Ground } from './ground'
import { LOGIN } from './outside/registry'
import { openYard, PRICE, TENANT_DOMAIN, WEBHOOK_SECRET, type Yard } from './yard'

export const ACTOR = { id: 'operator' }
const CARD = { number: '4242 4242 4242 4242', expiry: '12 / 34', cvc: '123', name: 'A Customer' }
const PATIENCE_MS = 240_000
/** Nothing happens in waits that are longer: the clock goes forward instead. */
const BORING_MS = 35_000
const LIVE = new Set(['queued', 'running', 'waiting'])

/** An Atlas of its own, whole but for its pages, and whoever works with it. */
export class Operator {
  private constructor(
    readonly yard: Yard,
    readonly services: Services,
    private readonly worker: Worker,
    private readonly lines: string[],
  ) {}

  static async begin(ground: Ground): Promise<Operator> {
    const receiver: { services?: Services } = {}
    const yard = await openYard(ground, async (_url, init) => {
      if (!receiver.services) throw new Error('Atlas is not there yet')
      return receiveWebhook(receiver.services, init)
    })
    const lines: string[] = []
    const services = await servicesIn(yard, lines)
    receiver.services = services
    const worker = makeWorker(services)
    worker.start()
    return new Operator(yard, services, worker, lines)
  }

  /** A customer signs up and pays, and is approved; resolves to the tenant's id while it is being provisioned. */
  async sell(subdomain: string): Promise<string> {
    const { db, clock } = this.services
    const input = { subdomain, email: `${subdomain}@example.com`, plan: 'only' }
    const { signupId, url } = await startCheckout(this.services, input, { id: 'visitor' })
    const form = new URLSearchParams({ email: input.email, ...CARD })
    await fetch(url ?? '', { method: 'POST', body: form, redirect: 'manual' })
    const isPaid = () =>
      db.read
        .select()
        .from(signups)
        .where(and(eq(signups.id, signupId), eq(signups.status, 'paid')))
        .get()
    while (!isPaid()) await Bun.sleep(20)
    return db.write((tx) => approveSignup(tx, this.services, signupId, ACTOR, clock.now())).tenantId
  }

  /** Asks for one verb of the domain, which is done while nobody waits for it. */
  ask<T>(tenantId: string, verb: Verb<T>): T {
    const { db, clock } = this.services
    return db.write((tx) => verb(tx, this.services, tenantId, { actor: ACTOR, nowMs: clock.now() }))
  }

  /** The same, and its run is followed to the end. */
  async have<T>(tenantId: string, verb: Verb<T>): Promise<T> {
    const answer = this.ask(tenantId, verb)
    await this.settled(tenantId)
    return answer
  }

  /** Waits until a tenant's latest run has succeeded. Throws why it has not, with what the machine said last. */
  async settled(tenantId: string): Promise<void> {
    const run = await this.ended(tenantId)
    if (run.status !== 'succeeded') throw new Error(await this.troubleWith(run))
  }

  /** Waits until a tenant's latest run has ended, well or not, and resolves to it. */
  async ended(tenantId: string): Promise<RunRow> {
    const deadline = Date.now() + PATIENCE_MS
    for (let run = this.latestRun(tenantId); ; run = getRun(this.services.db.read, run.id)) {
      if (!LIVE.has(run.status)) return run
      if (Date.now() > deadline) throw new Error(await this.troubleWith(run))
      const waitMs = run.status === 'waiting' ? run.availableAt - this.services.clock.now() : 0
      if (waitMs > BORING_MS) this.yard.clock.advance(waitMs)
      await Bun.sleep(100)
    }
  }

  latestRun(tenantId: string): RunRow {
    const run = latestRun(this.services.db.read, tenantId)
    if (!run) throw new Error(`nothing was ever done to ${tenantId}`)
    return run
  }

  tenant(tenantId: string): TenantRow {
    return getTenant(this.services.db.read, tenantId)
  }

  /** What the tenant's site answers over TLS to anybody; its certificate has to be the authority's. */
  async visit(
    tenantId: string,
    path: string,
    init: RequestInit = {},
    address = this.addressOf(tenantId),
  ): Promise<{ status: number; text: string }> {
    const serverName = hostnameOf(this.tenant(tenantId), TENANT_DOMAIN)
    const answer = await fetch(`https://${address}${path}`, {
      ...init,
      headers: { host: serverName },
      tls: { ca: this.yard.acme.root, serverName },
      redirect: 'manual',
      keepalive: false,
    })
    return { status: answer.status, text: (await answer.text()).trim() }
  }

  /** Waits until it holds; an error is a no. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!(await holds().catch(() => false))) {
      if (Date.now() > deadline) throw new Error('It never came to that.')
      await Bun.sleep(200)
    }
  }

  serverIdOf(tenantId: string): string {
    return serverOf(this.services.db.read, tenantId).externalId ?? ''
  }

  /** Where the tenant's server is, and the host keys that it may show. */
  targetOf(tenantId: string): MachineTarget {
    return targetOf(serverOf(this.services.db.read, tenantId))
  }

  addressOf(tenantId: string): string {
    return this.targetOf(tenantId).address
  }

  /** Runs a shell script as root on the tenant's server, past Atlas. */
  onMachine(tenantId: string, script: string): Promise<string> {
    return this.yard.docker.inside(this.containerOf(tenantId), script)
  }

  containerOf(tenantId: string): string {
    return containerOf(this.serverIdOf(tenantId))
  }

  async leave(): Promise<void> {
    await this.worker.stop(0)
    this.services.machines.close()
    await this.yard.leave()
    this.services.db.close()
  }

  private async troubleWith(run: RunRow): Promise<string> {
    await this.yard.driver.settled()
    const machine = await this.onMachine(run.tenantId, 'tail -n 30 /var/log/cloud-init-output.log').catch(
      String,
    )
    return [
      `${run.kind} is ${run.status} at ${run.step}: ${run.reason}`,
      ...this.lines.slice(-10),
      machine,
    ].join('\n')
  }
}

type Verb<T> = (tx: Tx, services: Services, tenantId: string, asked: Asked) => T
type Asked = { actor: { id: string }; nowMs: number }

/** The services of Atlas from its environment, as in production; only who signs certificates is another here. */
async function servicesIn(yard: Yard, lines: string[]): Promise<Services> {
  const { clock } = yard
  const env = environmentOf(yard)
  const { config, ...read } = readSettings(env)
  const log = new Log(
    () => clock.now(),
    (line) => lines.push(line),
  )
  const base = { ...read, db: openDb(':memory:', clock.now()), clock, log }
  const { region, bucket, accessKeyId, secretAccessKey } = CLOUD_KEYS.s3
  const ca = await Bun.file(yard.authority.ca).text()
  const outside = (request: Request) => fetch(request, { tls: { ca } })
  const services = makeServices(config, env, base)
  return {
    ...services,
    probe: createProbe({ clock, ca: yard.acme.root }),
    objects: createS3({
      ...{ endpoint: yard.storageUrl, region, bucket, accessKeyId, secretAccessKey, clock },
      fetch: outside,
    }),
    registry: createRegistry({ ...services.settings.registry, clock, fetch: outside }),
  }
}

function environmentOf({ cloudsUrl, storageUrl, sshKey, registry, blueprintsDir }: Yard) {
  const { s3 } = CLOUD_KEYS
  return {
    ADMIN_EMAIL: 'founder@shop.example',
    BASE_URL: 'https://shop.example',
    TENANT_DOMAIN,
    AUTH_SECRET: 'machines-auth-secret-000000000000000000000',
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    HETZNER_API_TOKEN: CLOUD_KEYS.hetzner,
    HETZNER_API_URL: `${cloudsUrl}/hetzner/v1`,
    ATLAS_SSH_KEY_ID: SSH_KEY_NAME,
    ATLAS_SSH_PRIVATE_KEY: sshKey.privateKey,
    AWS_ACCESS_KEY_ID: CLOUD_KEYS.awsAccessKeyId,
    AWS_SECRET_ACCESS_KEY: 'machines-aws-secret-00000000000000000000',
    HOSTED_ZONE_ID: ZONE_ID,
    ROUTE53_API_URL: `${cloudsUrl}/route53`,
    STRIPE_SECRET_KEY: CLOUD_KEYS.stripe,
    STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    STRIPE_API_URL: cloudsUrl,
    STRIPE_PRICE_NOTEBOOK: PRICE,
    RESEND_API_KEY: CLOUD_KEYS.resend,
    RESEND_API_URL: `${cloudsUrl}/resend`,
    EMAIL_FROM: 'Notebook <hello@shop.example>',
    BACKUP_S3_ENDPOINT: storageUrl,
    BACKUP_S3_REGION: s3.region,
    BACKUP_S3_BUCKET: s3.bucket,
    BACKUP_S3_ACCESS_KEY: s3.accessKeyId,
    BACKUP_S3_SECRET_KEY: s3.secretAccessKey,
    BLUEPRINTS_DIR: blueprintsDir,
    NOTEBOOK_IMAGES: registry.host,
    REGISTRY_HOST: registry.host,
    REGISTRY_USERNAME: LOGIN.username,
    REGISTRY_PASSWORD: LOGIN.password,
  }
}
