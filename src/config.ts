import {
  bucket,
  domain,
  email,
  host,
  hostedZoneId,
  key,
  limit,
  longSecret,
  mailbox,
  oneOf,
  origin,
  pem,
  port,
  type Reader,
  region,
  storage,
  text,
  url,
} from './config/readers'
import { invalid } from './errors'

type Variable<T> = { for: string; read: Reader<T>; default?: string; optional?: true; secret?: true }

/** Every variable that Atlas itself reads. Blueprints name further ones for their settings and prices. */
export const VARIABLES = {
  ADMIN_EMAIL: { for: 'the operator, the only address that may sign in', read: email },
  BASE_URL: { for: 'where customers and the operator reach Atlas', read: origin },
  TENANT_DOMAIN: { for: 'the domain under which tenants get their names', read: domain },
  PORT: { for: 'the port that Atlas listens on, loopback only', read: port, default: '4100' },
  DATA_DIR: { for: 'the folder that holds the database', read: text, default: './data' },
  BLUEPRINTS_DIR: { for: 'a folder with blueprints of your own', read: text, optional: true },
  AUTH_SECRET: { for: 'signing of links', read: longSecret, secret: true },
  ENCRYPTION_KEY: { for: 'sealing of tenants’ secrets', read: key, secret: true },
  HETZNER_API_TOKEN: { for: 'servers at Hetzner Cloud (read and write)', read: text, secret: true },
  HETZNER_SERVER_LIMIT: {
    for: 'how many servers Hetzner lets the project have',
    read: limit,
    optional: true,
  },
  HETZNER_ADDRESS_LIMIT: {
    for: 'how many primary IPs Hetzner lets the project have',
    read: limit,
    optional: true,
  },
  ATLAS_SSH_KEY_ID: { for: 'the id or name of Atlas’s SSH key at Hetzner', read: text },
  ATLAS_SSH_PRIVATE_KEY: {
    for: 'the private half of that key (OpenSSH, ed25519)',
    read: pem,
    secret: true,
  },
  AWS_ACCESS_KEY_ID: { for: 'DNS records at Route 53', read: text },
  AWS_SECRET_ACCESS_KEY: { for: 'DNS records at Route 53', read: text, secret: true },
  HOSTED_ZONE_ID: {
    for: 'the hosted zone of TENANT_DOMAIN',
    read: hostedZoneId,
  },
  STRIPE_SECRET_KEY: { for: 'checkout and subscriptions', read: text, secret: true },
  STRIPE_WEBHOOK_SECRET: { for: 'verifying Stripe’s webhooks', read: text, secret: true },
  RESEND_API_KEY: { for: 'mail', read: text, secret: true },
  EMAIL_FROM: { for: 'the sender of mail', read: mailbox },
  STRIPE_API_URL: { for: 'another address of Stripe’s API', read: url, optional: true },
  HETZNER_API_URL: { for: 'another address of Hetzner’s API', read: url, optional: true },
  ROUTE53_API_URL: { for: 'another address of Route 53', read: url, optional: true },
  RESEND_API_URL: { for: 'another address of Resend’s API', read: url, optional: true },
  RECONCILE_POLICY: {
    for: 'whether what the hourly look finds is only reported, or mended where nothing is deleted',
    read: oneOf('report', 'safe'),
    default: 'report',
  },
  SERVER_GATEWAY_URL: {
    for: 'an HTTP proxy through which tenants’ servers are reached',
    read: url,
    optional: true,
  },
  BACKUP_S3_ENDPOINT: { for: 'the S3-compatible storage of backups', read: storage, optional: true },
  BACKUP_S3_REGION: { for: 'the region of that storage', read: region, default: 'us-east-1' },
  BACKUP_S3_BUCKET: { for: 'the bucket of backups', read: bucket, optional: true },
  BACKUP_S3_ACCESS_KEY: { for: 'access to that bucket', read: text, optional: true, secret: true },
  BACKUP_S3_SECRET_KEY: { for: 'access to that bucket', read: text, optional: true, secret: true },
  REGISTRY_HOST: { for: 'the registry of private images', read: host, default: 'ghcr.io' },
  REGISTRY_USERNAME: { for: 'reading private images', read: text, optional: true },
  REGISTRY_PASSWORD: {
    for: 'reading private images: a token that may do nothing else',
    read: text,
    optional: true,
    secret: true,
  },
  GITHUB_WEBHOOK_SECRET: {
    for: 'verifying GitHub’s webhooks',
    read: longSecret,
    optional: true,
    secret: true,
  },
  REGISTRY_API_URL: { for: 'another address of the image registry', read: url, optional: true },
} satisfies Record<string, Variable<unknown>>

type Variables = typeof VARIABLES
type Value<V> = V extends { read: Reader<infer T> }
  ? V extends { optional: true }
    ? T | undefined
    : T
  : never

/** The configuration by its variables' own names. */
export type Config = { readonly [Name in keyof Variables]: Value<Variables[Name]> }

export type Environment = Record<string, string | undefined>

/** Reads the configuration once. Throws one `invalid` that names every variable that is missing or malformed. */
export function readConfig(env: Environment): Config {
  const problems: Record<string, string> = {}
  const config: Record<string, unknown> = {}
  for (const [name, variable] of Object.entries(VARIABLES) as [string, Variable<unknown>][]) {
    const value = env[name]?.trim() || variable.default
    if (value === undefined) {
      if (!variable.optional) problems[name] = `is missing: it is for ${variable.for}`
      continue
    }
    try {
      config[name] = variable.read(value)
    } catch (thrown) {
      problems[name] =
        `${thrown instanceof Error ? thrown.message : 'is malformed'}: it is for ${variable.for}`
    }
  }
  Object.assign(
    problems,
    halfProblem(env, STORAGE, 'backups need'),
    halfProblem(env, LOGIN, 'private images need'),
  )
  if (Object.keys(problems).length > 0) throw invalid(listed(problems), problems)
  return config as Config
}

/** What backups need, as far as it has no default. */
const STORAGE = [
  'BACKUP_S3_ENDPOINT',
  'BACKUP_S3_BUCKET',
  'BACKUP_S3_ACCESS_KEY',
  'BACKUP_S3_SECRET_KEY',
] as const

/** What private images need beside a host. */
const LOGIN = ['REGISTRY_USERNAME', 'REGISTRY_PASSWORD'] as const

/** What belongs together is there with all of its variables, or not at all: half of it is a mistake, and is one problem. */
function halfProblem(env: Environment, all: readonly string[], need: string): Record<string, string> {
  const [first, ...others] = all.filter((name) => !env[name]?.trim())
  if (!first || others.length === all.length - 1) return {}
  const beside = others.length > 0 ? `, as are ${others.join(', ')}` : ''
  return { [first]: `is missing${beside}: ${need} all of ${all.join(', ')}, or none` }
}

/** The folder of the data, for commands that need nothing else of the configuration. */
export function dataDirIn(env: Environment): string {
  return env.DATA_DIR?.trim() || VARIABLES.DATA_DIR.default
}

/** The port of an Atlas with this environment. Throws `invalid`. */
export function portIn(env: Environment): number {
  return readOne('PORT', port, env.PORT?.trim() || VARIABLES.PORT.default)
}

/** Where a running Atlas is, as a command is told. Throws `invalid` unless it is an address that a token may be sent to. */
export function atlasUrlIn(value: string): string {
  return readOne('ATLAS_URL', origin, value)
}

function readOne<T>(name: string, read: Reader<T>, value: string): T {
  try {
    return read(value)
  } catch (thrown) {
    throw invalid(`${name} ${thrown instanceof Error ? thrown.message : 'is malformed'}.`)
  }
}

function listed(problems: Record<string, string>): string {
  const lines = Object.entries(problems).map(([name, words]) => `  ${name} ${words}`)
  return `The configuration has ${lines.length} ${lines.length === 1 ? 'problem' : 'problems'}:\n${lines.join('\n')}`
}
