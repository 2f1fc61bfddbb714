import { createHmac } from 'node:crypto'
import { createApiToken } from '../src/accounts/api-token'
import { App, type AppOptions } from '../src/app'
import { builtinBlueprints } from '../src/catalog/builtin'
import { loadCatalog } from '../src/catalog/catalog'
import { syncPlans } from '../src/catalog/plans'
import { openCheckout, syncCheckout } from '../src/checkouts/checkout'
import { ManualClock } from '../src/clock'
import { openDb } from '../src/db/open'
import { outbox } from '../src/db/schema'
import { systemRandom } from '../src/ids'
import { approveSignup } from '../src/lifecycle/approve'
import { Log } from '../src/log'
import type { Mail } from '../src/providers/mailer'
import { createStripe } from '../src/providers/stripe'
import type { Route } from '../src/routes/route'
import { unseal } from '../src/secrets'
import type { Services } from '../src/services'
import { createSignup } from '../src/signups/signup'
import { Browser } from './browser-habits'
import { StagePayments } from './stage-payments'

export const BASE_URL = 'https://shop.example.com'
export const TENANT_DOMAIN = 'sites.example.net'
export const ADMIN_EMAIL = 'founder@example.com'
export const WEBHOOK_SECRET = 'whsec_stage_0000000000000000000000'
export const GITHUB_SECRET = 'stage-github-secret-0000000000000000000'
export const AUTH_SECRET = 'stage-auth-secret-0000000000000000000000'
export const ENCRYPTION_KEY = Buffer.alloc(32, 7)

const ENV = {
  STRIPE_PRICE_STARTER: 'price_starter',
  STRIPE_PRICE_PRO: 'price_pro',
  GHCR_REPO: 'example/virtues',
  GOOGLE_API_KEY: 'stage-google-key',
  AI_GATEWAY_API_KEY: 'stage-gateway-key',
  S3_ENDPOINT: 'https://s3.example.com',
  S3_BUCKET: 'bucket',
  S3_ACCESS_KEY: 'stage-s3-access',
  S3_SECRET_KEY: 'stage-s3-secret',
}

export type StageOptions = AppOptions & {
  /** Where the database is; in memory when absent. */
  file?: string
  clock?: ManualClock
  baseUrl?: string
  adminEmail?: string
  /** Instead of Atlas's own routes. */
  routes?: readonly Route[]
  services?: Partial<Services>
}

/** An App with everything below it, in this process: only the outside world is a stage set. */
export function openStage({ file = ':memory:', baseUrl = BASE_URL, ...options }: StageOptions = {}) {
  const clock = options.clock ?? new ManualClock()
  const db = openDb(file, clock.now())
  const catalog = loadCatalog({ builtin: builtinBlueprints, env: ENV })
  db.write((tx) => syncPlans(tx, catalog, clock.now()))
  const payments = new StagePayments(
    clock,
    createStripe({ secretKey: 'sk_test_stage', webhookSecret: WEBHOOK_SECRET }),
  )
  const lines: string[] = []
  const services: Services = {
    db,
    clock,
    log: new Log(
      () => clock.now(),
      (line) => lines.push(line),
    ),
    random: systemRandom,
    catalog,
    env: ENV,
    settings: {
      installationId: 'ins_stage',
      baseUrl,
      tenantDomain: TENANT_DOMAIN,
      adminEmail: options.adminEmail ?? ADMIN_EMAIL,
      emailFrom: 'Virtues <hello@example.com>',
      authSecret: AUTH_SECRET,
      encryptionKey: ENCRYPTION_KEY,
      livemode: false,
      reconcilePolicy: 'report',
      limits: { servers: null, addresses: null },
      registry: null,
      githubSecret: GITHUB_SECRET,
      sshKeyId: 'atlas',
      sshPublicKey: 'ssh-ed25519 AAAA',
    },
    payments,
    cloud: unreachable('cloud'),
    dns: unreachable('dns'),
    mailer: unreachable('mailer'),
    machines: unreachable('machines'),
    probe: unreachable('probe'),
    objects: unreachable('objects'),
    registry: unreachable('registry'),
    newHostKey: () => ({ privateKey: '', publicKey: '' }),
    ...options.services,
  }
  const app = options.routes
    ? new App(services, { checkoutOrigin: options.checkoutOrigin }, options.routes)
    : new App(services, { checkoutOrigin: options.checkoutOrigin })
  return new Stage(app, services, payments, clock, lines)
}

/** What a test asks the stage for. */
export class Stage {
  constructor(
    readonly app: App,
    readonly services: Services,
    readonly payments: StagePayments,
    readonly clock: ManualClock,
    /** What was logged, a line each. */
    readonly lines: string[],
  ) {}

  /** A new person at a browser of their own, seen from `ip` as the proxy tells it. */
  browser(ip = '203.0.113.7'): Browser {
    return new Browser(this.services.settings.baseUrl, (request) => this.app.answer(request), ip)
  }

  /** A browser that has signed in by mail. */
  async operator(ip?: string): Promise<Browser> {
    const browser = this.browser(ip)
    await browser.post('/login', { email: this.services.settings.adminEmail })
    await browser.post('/login/confirm', { token: this.loginToken() })
    return browser
  }

  /** Every mail in the outbox that is not sent, newest last. */
  mails(): Mail[] {
    const rows = this.services.db.read.select().from(outbox).all()
    return rows.flatMap(({ id, sealed }) =>
      sealed ? (JSON.parse(unseal(ENCRYPTION_KEY, sealed, `outbox/${id}/sealed`).toString()) as Mail) : [],
    )
  }

  /** The token in the newest sign-in mail. */
  loginToken(): string {
    const links = this.mails().flatMap(({ text }) => /confirm\?token=([\w-]+)/.exec(text)?.[1] ?? [])
    const newest = links.at(-1)
    if (!newest) throw new Error('no sign-in mail was queued')
    return newest
  }

  apiToken(name = 'ci'): { id: string; token: string } {
    return this.services.db.write((tx) => createApiToken(tx, name, { id: 'cli' }, this.clock.now()))
  }

  /** A signup that waits for its payment, by its id. */
  signup(subdomain = 'ada-lovelace', email = 'ada@example.com', plan = 'starter'): string {
    const { db, catalog } = this.services
    const input = { subdomain, email, plan }
    return db.write((tx) => createSignup(tx, input, { id: 'visitor' }, this.clock.now(), catalog.front)).id
  }

  /** A signup that was paid, by its id. */
  async paidSignup(subdomain?: string, email?: string, plan?: string): Promise<string> {
    const id = this.signup(subdomain, email, plan)
    await openCheckout(this.services, id)
    await syncCheckout(this.services, this.payments.pay(id))
    return id
  }

  /** A paid and approved signup: its tenant and run, which nobody works on here. */
  async tenant(subdomain?: string, email?: string) {
    const signupId = await this.paidSignup(subdomain, email)
    const { db } = this.services
    const approved = db.write((tx) =>
      approveSignup(tx, this.services, signupId, { id: 'test' }, this.clock.now()),
    )
    return { signupId, ...approved }
  }

  async close(): Promise<void> {
    await this.app.stop()
    this.services.db.close()
  }
}

/** The header that Stripe signs an event with, at a time in seconds. */
export function signatureOf(body: string, atSeconds: number, secret = WEBHOOK_SECRET): string {
  const signature = createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex')
  return `t=${atSeconds},v1=${signature}`
}

/** A part of the outside world that nothing on this stage may touch. */
function unreachable<T extends object>(name: string): T {
  const refuse = () => {
    throw new Error(`this test reached for the ${name}`)
  }
  return new Proxy({} as T, { get: () => refuse })
}
