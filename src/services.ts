import type { Catalog } from './catalog/catalog'
import type { Clock } from './clock'
import type { Environment } from './config'
import type { Db } from './db/open'
import type { Random } from './ids'
import type { Log } from './log'
import type { Cloud } from './providers/cloud'
import type { Dns } from './providers/dns'
import type { Machines } from './providers/machines'
import type { Mailer } from './providers/mailer'
import type { Objects } from './providers/objects'
import type { Payments } from './providers/payments'
import type { Probe } from './providers/probe'
import type { Registry } from './providers/registry'

/** What the domain works with; `atlas.ts` makes it once. */
export type Services = {
  db: Db
  clock: Clock
  log: Log
  random: Random
  catalog: Catalog
  /** Atlas's own environment, from which blueprints may hand shared keys to tenants. */
  env: Environment
  settings: Settings
  payments: Payments
  cloud: Cloud
  dns: Dns
  mailer: Mailer
  machines: Machines
  probe: Probe
  /** Where backups are kept; null when no storage is configured. */
  objects: Objects | null
  /** Where releases' images are looked up. */
  registry: Registry
  /** A new SSH host key, as a server gets it for its first minutes. */
  newHostKey: () => { privateKey: string; publicKey: string }
}

/** What the configuration says, in the domain's own terms. */
export type Settings = {
  /** Names this installation's things in clouds that it may share with others. */
  installationId: string
  baseUrl: string
  tenantDomain: string
  adminEmail: string
  emailFrom: string
  authSecret: string
  encryptionKey: Uint8Array
  /** Whether real money moves: Stripe's objects must say the same. */
  livemode: boolean
  /** `safe`: what the hourly look has found twice is mended where nothing is deleted. */
  reconcilePolicy: 'report' | 'safe'
  /** How much the cloud lets the project have, as far as the operator has said. */
  limits: { servers: number | null; addresses: number | null }
  /** Who reads private images, for Atlas and for tenants' servers; null when all images are public. */
  registry: { host: string; username: string; password: string } | null
  /** What GitHub signs its webhooks with; null when they are not listened to. */
  githubSecret: string | null
  sshKeyId: string
  /** Atlas's public key, as servers get it in user-data. */
  sshPublicKey: string
}
