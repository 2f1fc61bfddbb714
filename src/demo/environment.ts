import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../config'
import { systemRandom } from '../ids'
import { generateHostKey } from '../providers/ssh/keys'
import { demoBlueprints, demoSender, demoVariables } from './goods'

/** What one demo keeps between its starts: the keys that its data is sealed with, and its clouds' secrets. */
export type DemoKeys = {
  authSecret: string
  encryptionKey: string
  sshPrivateKey: string
  sshPublicKey: string
  webhookSecret: string
}

export type DemoPorts = { atlas: number; clouds: number; tenants: number; gateway: number }

export const ADMIN_EMAIL = 'founder@shop.example'
export const ZONE_ID = 'Z0DEMO000000000000000'
export const SSH_KEY_NAME = 'atlas'

/** The vendors' keys as the simulated clouds expect them. */
export const CLOUD_KEYS = {
  stripe: 'sk_test_demo00000000000000000000',
  hetzner: 'demo-hetzner-token-0000000000000000000000',
  awsAccessKeyId: 'AKIADEMO000000000000',
  resend: 're_demo_000000000000000000000000',
  registry: { username: 'demo', password: 'demo-registry-token-0000000000000000000000' },
  s3: {
    bucket: 'demo-backups',
    region: 'us-east-1',
    accessKeyId: 'AKIADEMOBACKUPS00000',
    secretAccessKey: 'demo-s3-secret-00000000000000000000000000',
  },
}

/** The keys of the demo in this folder; made on the first start. */
export function demoKeys(dir: string): DemoKeys {
  const file = join(dir, 'demo-keys.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as DemoKeys
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const random = (bytes: number) => Buffer.from(systemRandom(bytes)).toString('base64')
  const ssh = generateHostKey()
  const keys: DemoKeys = {
    authSecret: random(32),
    encryptionKey: random(32),
    sshPrivateKey: ssh.privateKey,
    sshPublicKey: ssh.publicKey,
    webhookSecret: `whsec_${Buffer.from(systemRandom(24)).toString('hex')}`,
  }
  writeFileSync(file, JSON.stringify(keys, null, 2))
  chmodSync(file, 0o600)
  return keys
}

/** Atlas's whole environment for a demo: only the base addresses make it one. */
export function demoEnvironment(dir: string, keys: DemoKeys, ports: DemoPorts): Environment {
  const clouds = `http://127.0.0.1:${ports.clouds}`
  const blueprints = demoBlueprints()
  return {
    ...demoVariables(blueprints),
    ADMIN_EMAIL,
    BASE_URL: `http://localhost:${ports.atlas}`,
    TENANT_DOMAIN: `localhost:${ports.tenants}`,
    PORT: String(ports.atlas),
    DATA_DIR: dir,
    AUTH_SECRET: keys.authSecret,
    ENCRYPTION_KEY: keys.encryptionKey,
    HETZNER_API_TOKEN: CLOUD_KEYS.hetzner,
    HETZNER_API_URL: `${clouds}/hetzner/v1`,
    ATLAS_SSH_KEY_ID: SSH_KEY_NAME,
    ATLAS_SSH_PRIVATE_KEY: keys.sshPrivateKey,
    AWS_ACCESS_KEY_ID: CLOUD_KEYS.awsAccessKeyId,
    AWS_SECRET_ACCESS_KEY: 'demo-aws-secret-0000000000000000000000',
    HOSTED_ZONE_ID: ZONE_ID,
    ROUTE53_API_URL: `${clouds}/route53`,
    STRIPE_SECRET_KEY: CLOUD_KEYS.stripe,
    STRIPE_WEBHOOK_SECRET: keys.webhookSecret,
    STRIPE_API_URL: `http://localhost:${ports.clouds}`,
    RESEND_API_KEY: CLOUD_KEYS.resend,
    RESEND_API_URL: `${clouds}/resend`,
    EMAIL_FROM: demoSender(blueprints),
    REGISTRY_USERNAME: CLOUD_KEYS.registry.username,
    REGISTRY_PASSWORD: CLOUD_KEYS.registry.password,
    REGISTRY_API_URL: clouds,
    SERVER_GATEWAY_URL: `http://127.0.0.1:${ports.gateway}`,
    BACKUP_S3_ENDPOINT: `${clouds}/s3`,
    BACKUP_S3_REGION: CLOUD_KEYS.s3.region,
    BACKUP_S3_BUCKET: CLOUD_KEYS.s3.bucket,
    BACKUP_S3_ACCESS_KEY: CLOUD_KEYS.s3.accessKeyId,
    BACKUP_S3_SECRET_KEY: CLOUD_KEYS.s3.secretAccessKey,
    BLUEPRINTS_DIR: process.env.BLUEPRINTS_DIR,
  }
}
