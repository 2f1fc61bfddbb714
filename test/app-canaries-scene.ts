import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApiToken } from '../src/accounts/api-token'
import { type Atlas, startAtlas } from '../src/atlas'
import { imagesOfRelease } from '../src/catalog/images'
import { findPorts } from '../src/cli/demo-clouds'
import type { Scene } from '../src/cli/story/scene'
import { SystemClock } from '../src/clock'
import type { Environment } from '../src/config'
import { secrets, tenants } from '../src/db/schema'
import { ADMIN_EMAIL, type DemoPorts, demoEnvironment, demoKeys } from '../src/demo/environment'
import { demoPrices } from '../src/demo/goods'
import { Log } from '../src/log'
import { generateHostKey, publicKeyOf } from '../src/providers/ssh/keys'
import { unseal } from '../src/secrets'
import { type Simulator, startSimulator } from '../src/simulator/simulator'
import type { Exchange } from '../src/simulator/twin'
import { secretPlace } from '../src/tenants/secrets'
import { dataKeyPlace } from '../src/tenants/tenant'
import { Canaries } from './app-canaries'

/** An Atlas with a canary in every secret place, and everything that it has said. */
export class CanaryScene {
  readonly canaries = new Canaries()
  readonly lines: string[] = []
  readonly exchanges: Exchange[] = []
  readonly commands: string[] = []

  private constructor(
    readonly folder: string,
    readonly env: Environment,
    readonly clouds: Simulator,
    readonly atlas: Atlas,
    readonly story: Scene,
  ) {}

  static async open(): Promise<CanaryScene> {
    const folder = mkdtempSync(join(tmpdir(), 'atlas-canaries-'))
    const ports = findPorts(0)
    const clock = new SystemClock()
    const canaries = new Canaries()
    const env = environment(canaries, folder, ports)
    const clouds = await startClouds(env, ports, clock)
    const lines: string[] = []
    const log = new Log(
      () => clock.now(),
      (line) => lines.push(line),
    )
    const atlas = startAtlas(env, clock, log)
    const addresses = { atlas: env.BASE_URL ?? '', clouds: clouds.urls.clouds, tenants: clouds.urls.tenants }
    const story = { ...addresses, adminEmail: ADMIN_EMAIL, clock, tell: () => undefined }
    const scene = Object.assign(new CanaryScene(folder, env, clouds, atlas, story), { canaries, lines })
    clouds.front.observe((exchange) => scene.exchanges.push(exchange))
    clouds.machines.observe(({ kind, detail }) => kind === 'command' && scene.commands.push(detail))
    scene.publish('v42', 'good')
    return scene
  }

  /** Puts a release of the shop's app into the registry, where only Atlas's login may pull it. */
  publish(tag: string, behaviour: 'good' | 'indiscreet'): void {
    for (const { ref } of imagesOfRelease(this.atlas.services.catalog.front, tag, this.env)) {
      this.clouds.registry.publish({ repository: ref.repository, tag, behaviour })
      this.clouds.registry.hide(ref.repository)
    }
  }

  /** Makes a token of the operator's for programs. */
  apiToken(): string {
    const { db, clock } = this.atlas.services
    const { token } = db.write((tx) => createApiToken(tx, 'canary', { id: 'test' }, clock.now()))
    return this.canaries.remember('API token', token)
  }

  /** What was made for each tenant until now, opened with the key that only this process has. */
  learnTenantsSecrets(): void {
    const key = Buffer.from(this.env.ENCRYPTION_KEY ?? '', 'base64')
    const { read } = this.atlas.services.db
    const sealed = read.select().from(secrets).all()
    for (const { id, subdomain, ...tenant } of read.select().from(tenants).all()) {
      const dataKey = unseal(key, tenant.dataKey, dataKeyPlace(id))
      this.canaries.remember(`${subdomain}’s data key`, dataKey.toString('base64'))
      for (const row of sealed.filter(({ tenantId }) => tenantId === id)) {
        const value = unseal(dataKey, row.sealed, secretPlace(id, row.name)).toString()
        const mayBeIn = row.name === 'backup-key' ? /^answer with the key$/ : undefined
        this.canaries.remember(`${subdomain}’s ${row.name}`, value, mayBeIn)
      }
    }
  }

  /** What was made for one occasion only, and went over a wire of a vendor's. */
  learnOneTimeSecrets(): void {
    for (const { provider, path, requestBody, responseBody } of this.exchanges) {
      const signature = /X-Amz-Signature=([0-9a-f]{64})/.exec(path)?.[1]
      if (signature) this.canaries.remember('a signed address', signature, /^s3 request$/)
      if (provider === 'registry' && path.startsWith('/token')) {
        const { token } = JSON.parse(responseBody) as { token?: string }
        if (token) this.canaries.remember('a registry’s token', token, /^registry authorization$/)
      }
      const pem = /-----BEGIN OPENSSH PRIVATE KEY-----.+?-----END OPENSSH PRIVATE KEY-----/s
      const written = requestBody.includes('user_data') ? (JSON.parse(requestBody).user_data as string) : ''
      const key = pem.exec(written)?.[0]
      if (key) this.canaries.rememberPem('a first host key', key.replace(/^ +/gm, ''), /^user-data$/)
    }
  }

  async close(): Promise<void> {
    await this.atlas.stop()
    await this.clouds.stop()
    rmSync(this.folder, { recursive: true })
  }
}

/** The demo's environment with a canary in every secret place. */
function environment(canaries: Canaries, folder: string, ports: DemoPorts): Environment {
  const secret = (name: string, prefix = '', mayBeIn?: RegExp) => {
    const random = crypto.randomUUID().replaceAll('-', '')
    const words = name.toLowerCase().replaceAll('_', '')
    return canaries.remember(name, `${prefix}${random}canary${words}`, mayBeIn)
  }
  const { privateKey, publicKey } = generateHostKey()
  const encryptionKey = Buffer.from(crypto.getRandomValues(new Uint8Array(32)))
  canaries.remember('ENCRYPTION_KEY', encryptionKey.toString('base64'))
  canaries.remember('ENCRYPTION_KEY in hex', encryptionKey.toString('hex'))
  canaries.rememberPem('ATLAS_SSH_PRIVATE_KEY', privateKey)
  const keys = { ...demoKeys(folder), sshPrivateKey: privateKey, sshPublicKey: publicKey }
  return {
    ...demoEnvironment(folder, keys, ports),
    AUTH_SECRET: secret('AUTH_SECRET'),
    ENCRYPTION_KEY: encryptionKey.toString('base64'),
    HETZNER_API_TOKEN: secret('HETZNER_API_TOKEN', '', /^hetzner authorization$/),
    AWS_SECRET_ACCESS_KEY: secret('AWS_SECRET_ACCESS_KEY'),
    STRIPE_SECRET_KEY: secret('STRIPE_SECRET_KEY', 'sk_test_', /^stripe authorization$/),
    STRIPE_WEBHOOK_SECRET: secret('STRIPE_WEBHOOK_SECRET', 'whsec_'),
    RESEND_API_KEY: secret('RESEND_API_KEY', 're_', /^resend authorization$/),
    GOOGLE_API_KEY: secret('GOOGLE_API_KEY'),
    AI_GATEWAY_API_KEY: secret('AI_GATEWAY_API_KEY'),
    S3_ACCESS_KEY: secret('S3_ACCESS_KEY'),
    S3_SECRET_KEY: secret('S3_SECRET_KEY'),
    BACKUP_S3_SECRET_KEY: secret('BACKUP_S3_SECRET_KEY'),
    REGISTRY_PASSWORD: secret('REGISTRY_PASSWORD', '', /^registry authorization$/),
    GITHUB_WEBHOOK_SECRET: secret('GITHUB_WEBHOOK_SECRET'),
  }
}

function startClouds(env: Environment, ports: DemoPorts, clock: SystemClock): Promise<Simulator> {
  const text = (name: string) => env[name] ?? ''
  return startSimulator({
    clock,
    speed: 1_000,
    ports,
    keys: {
      stripe: text('STRIPE_SECRET_KEY'),
      hetzner: text('HETZNER_API_TOKEN'),
      awsAccessKeyId: text('AWS_ACCESS_KEY_ID'),
      resend: text('RESEND_API_KEY'),
      s3: {
        bucket: text('BACKUP_S3_BUCKET'),
        region: text('BACKUP_S3_REGION'),
        accessKeyId: text('BACKUP_S3_ACCESS_KEY'),
        secretAccessKey: text('BACKUP_S3_SECRET_KEY'),
      },
      registry: { username: text('REGISTRY_USERNAME'), password: text('REGISTRY_PASSWORD') },
    },
    prices: demoPrices(),
    webhook: { url: `${env.BASE_URL}/api/stripe/webhook`, secret: text('STRIPE_WEBHOOK_SECRET') },
    zone: { id: text('HOSTED_ZONE_ID'), name: 'localhost' },
    sshKey: { name: text('ATLAS_SSH_KEY_ID'), publicKey: publicKeyOf(text('ATLAS_SSH_PRIVATE_KEY')) },
  })
}
