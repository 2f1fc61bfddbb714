import { readSettings } from '../atlas'
import { syncPlans } from '../catalog/plans'
import type { Environment } from '../config'
import { openDb } from '../db/open'
import { installation } from '../db/schema'
import { CLOUD_KEYS, SSH_KEY_NAME, ZONE_ID } from '../demo/environment'
import { demoBlueprints, demoPrices, demoSender, demoVariables } from '../demo/goods'
import { generateHostKey } from '../providers/ssh/keys'
import type { CloudsOptions } from '../simulator/simulator'
import { type Copy, Tables } from './tables'
import { BEGIN_MS } from './time'

export const ADMIN_EMAIL = 'founder@shop.example'
export const TENANT_DOMAIN = 'sites.example.net'
const WEBHOOK_SECRET = 'whsec_crashtest0000000000000000000000'
const WEBHOOK_URL = 'http://atlas.internal/api/stripe/webhook'
/** The one place that lives share with machines. */
export const STORAGE_HOST = 'storage.internal'
const STORAGE = `http://${STORAGE_HOST}/s3`
const sshKey = generateHostKey()
const prices = demoPrices()

/** The environment that every Atlas of a crash test is started with; each life has addresses of its own. */
const environment: Environment = {
  ...demoVariables(demoBlueprints()),
  ADMIN_EMAIL,
  BASE_URL: 'https://shop.example',
  TENANT_DOMAIN,
  DATA_DIR: ':memory:',
  AUTH_SECRET: 'crashtest-auth-secret-00000000000000000000',
  ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  HETZNER_API_TOKEN: CLOUD_KEYS.hetzner,
  ATLAS_SSH_KEY_ID: SSH_KEY_NAME,
  ATLAS_SSH_PRIVATE_KEY: sshKey.privateKey,
  AWS_ACCESS_KEY_ID: CLOUD_KEYS.awsAccessKeyId,
  AWS_SECRET_ACCESS_KEY: 'crashtest-aws-secret-0000000000000000000',
  HOSTED_ZONE_ID: ZONE_ID,
  STRIPE_SECRET_KEY: CLOUD_KEYS.stripe,
  STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
  RESEND_API_KEY: CLOUD_KEYS.resend,
  BACKUP_S3_ENDPOINT: 'https://storage.internal/s3',
  BACKUP_S3_REGION: CLOUD_KEYS.s3.region,
  BACKUP_S3_BUCKET: CLOUD_KEYS.s3.bucket,
  BACKUP_S3_ACCESS_KEY: CLOUD_KEYS.s3.accessKeyId,
  BACKUP_S3_SECRET_KEY: CLOUD_KEYS.s3.secretAccessKey,
  EMAIL_FROM: demoSender(demoBlueprints()),
  BLUEPRINTS_DIR: process.env.BLUEPRINTS_DIR,
}

/** What is the same for every story: read, checked and rendered once. */
export class Shop {
  readonly env = environment
  readonly settings = readSettings(environment)
  /** The control database, of one story after the other. */
  readonly tables: Tables
  /** A control database without a customer in it. */
  readonly empty: Copy

  private constructor(nowMs: number) {
    const db = openDb(':memory:', nowMs)
    db.write((tx) => {
      syncPlans(tx, this.settings.catalog, nowMs)
      tx.insert(installation).values({ id: 'ins_crashtest00000000000000', createdAt: nowMs }).run()
    })
    this.tables = new Tables(db.sqlite)
    this.empty = this.tables.copy()
  }

  /** Opens a shop, with everything loaded that is loaded only when it is needed. */
  static async open(): Promise<Shop> {
    // What is loaded in the middle of a story would come at a moment of the machine's choosing.
    await Promise.all([
      import('@aws-sdk/client-route-53'),
      import('@smithy/signature-v4'),
      import('age-encryption'),
    ])
    return new Shop(BEGIN_MS)
  }

  /** The configuration of the life that reaches the outside under this host name. */
  configFor(host: string) {
    const url = `http://${host}`
    return {
      ...this.settings.config,
      HETZNER_API_URL: `${url}/hetzner/v1`,
      ROUTE53_API_URL: `${url}/route53`,
      STRIPE_API_URL: url,
      RESEND_API_URL: `${url}/resend`,
      // Tokens are asked for over TLS only, except on this machine.
      REGISTRY_API_URL: `https://${host}`,
      SERVER_GATEWAY_URL: url,
      // The same for all of them: a command that carries an address of it is repeated by the next life.
      BACKUP_S3_ENDPOINT: STORAGE,
    }
  }
}

/** The simulated clouds that belong to that environment. */
export function cloudsOf(insides: Pick<CloudsOptions, 'deliver' | 'outside'>): CloudsOptions {
  return {
    keys: CLOUD_KEYS,
    prices,
    webhook: { url: WEBHOOK_URL, secret: WEBHOOK_SECRET },
    zone: { id: ZONE_ID, name: TENANT_DOMAIN },
    sshKey: { name: SSH_KEY_NAME, publicKey: sshKey.publicKey },
    publicUrl: () => 'http://stripe.internal',
    ...insides,
  }
}
