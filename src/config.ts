import { unescape as percentDecoded } from 'node:querystring'
import { invalid } from './errors'

type Reader<T> = (text: string) => T
type Variable<T> = { for: string; read: Reader<T>; default?: string; optional?: true; secret?: true }

const text: Reader<string> = (value) => value
const matches =
  (pattern: RegExp, words: string): Reader<string> =>
  (value) => {
    if (!pattern.test(value)) throw new Error(words)
    return value
  }
const port: Reader<number> = (value) => {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) throw new Error('must be a port number, 0 to 65535')
  return Number(value)
}
const url: Reader<string> = (value) => {
  const parsed = URL.canParse(value) ? new URL(value) : null
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new Error('must be an http or https address')
  try {
    decodeURIComponent(parsed.username + parsed.password)
  } catch {
    throw new Error('must have a % in its password written as %25')
  }
  return value.replace(/\/+$/, '')
}
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/
const origin: Reader<string> = (value) => {
  const parsed = new URL(url(value))
  const { username, password, pathname, search, hash } = parsed
  if (username + password + search + hash !== '' || pathname !== '/') {
    throw new Error('must be an address without a path, such as `https://shop.example.com`')
  }
  // Over plain http on a network, anybody on the way could read the operator's session.
  if (parsed.protocol === 'http:' && !LOOPBACK.test(parsed.hostname)) {
    throw new Error('must begin with https:// unless it is on localhost')
  }
  return parsed.origin
}
const email = matches(/^[^\s@<>,"]+@[^\s@<>,"]+$/, 'must be an email address')
const mailbox = matches(/^[^\r\n]*@[^\r\n]*$/, 'must be an address such as `Atlas <hello@example.com>`')
const domain = matches(
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?$/,
  'must be a domain name in lower case, such as `sites.example.net`',
)
const storage: Reader<string> = (value) => {
  const { protocol, hostname, username, search, hash } = new URL(url(value))
  if (username + search + hash !== '') throw new Error('must be an address and nothing more')
  if (protocol === 'http:' && !LOOPBACK.test(hostname)) throw new Error('must begin with https://')
  return url(value)
}
const host = matches(/^[a-z0-9]+([.-][a-z0-9]+)*(:\d{1,5})?$/, 'must be a host such as `ghcr.io`')
const bucket = matches(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket’s name in lower case')
const region = matches(/^[a-z0-9-]{1,32}$/, 'must be a region such as `us-east-1`')
const key: Reader<Buffer> = (value) => {
  const bytes = Buffer.from(value, 'base64')
  if (bytes.length !== 32) throw new Error('must be 32 random bytes in base64 (openssl rand -base64 32)')
  return bytes
}
const limit: Reader<number> = (value) => {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new Error('must be a whole number from 1')
  return Number(value)
}
const oneOf =
  <const Word extends string>(...words: Word[]): Reader<Word> =>
  (value) => {
    const word = words.find((one) => one === value)
    if (word === undefined) throw new Error(`must be ${words.join(' or ')}`)
    return word
  }
const longSecret = matches(/^.{32,}$/, 'must be at least 32 characters (openssl rand -base64 32)')

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
    read: withLineBreaks,
    secret: true,
  },
  AWS_ACCESS_KEY_ID: { for: 'DNS records at Route 53', read: text },
  AWS_SECRET_ACCESS_KEY: { for: 'DNS records at Route 53', read: text, secret: true },
  HOSTED_ZONE_ID: {
    for: 'the hosted zone of TENANT_DOMAIN',
    read: matches(/^[A-Z0-9]{1,32}$/, 'must be a hosted zone id such as Z0123456789ABC'),
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

/** The values that must never be printed: Atlas's own, and those that blueprints share with tenants. */
export function secretsOf(env: Environment): string[] {
  const own = Object.entries(VARIABLES).flatMap(([name, variable]) => ('secret' in variable ? [name] : []))
  const shared = Object.keys(env).filter((name) => SECRET_NAME.test(name))
  const named = [...new Set([...own, ...shared])].flatMap((name) => env[name]?.trim() || [])
  const addresses = Object.keys(env).filter((name) => name.endsWith('_URL'))
  return [...named, ...addresses.flatMap((name) => credentialsIn(env[name]?.trim() ?? ''))]
}

/** What an address such as `https://name:password@proxy` gives away: as written, as meant, and as a proxy is sent it. */
function credentialsIn(address: string): string[] {
  if (!URL.canParse(address)) return []
  const { username, password } = new URL(address)
  // A token stands in the name's place.
  const secret = password || username
  if (!secret) return []
  const pair = percentDecoded(`${username}:${password}`)
  const basic = Buffer.from(pair).toString('base64')
  return [secret, percentDecoded(secret), `${username}:${password}`, pair, basic]
}

// `ATLAS_SSH_KEY_ID` and `AWS_ACCESS_KEY_ID` name keys and are none.
const SECRET_NAME = /(^|_)(KEY|SECRET|TOKEN|PASSWORD)(_(?!ID$)|$)/

function listed(problems: Record<string, string>): string {
  const lines = Object.entries(problems).map(([name, words]) => `  ${name} ${words}`)
  return `The configuration has ${lines.length} ${lines.length === 1 ? 'problem' : 'problems'}:\n${lines.join('\n')}`
}

// Unit files and .env files hold a PEM key on one line, with its line breaks written as \n.
function withLineBreaks(value: string): string {
  return value.replaceAll('\\n', '\n')
}
