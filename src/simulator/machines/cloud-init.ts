import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { YAML } from 'bun'
import * as v from 'valibot'
import { type HostKey, readHostKey } from './host-key'

/** A key that may log in as a user; with a forced command it may run that and nothing else. */
export type Login = { user: string; publicKey: string; forcedCommand: string | null }

export type WrittenFile = { path: string; mode: string; bytes: number; sha256: string }

/** What is left on a machine after cloud-init has obeyed its user-data. */
export type FirstBoot = {
  /** Null when the user-data brings none: the machine then makes its own. */
  hostKey: HostKey | null
  logins: Login[]
  files: WrittenFile[]
  /** Names that a Caddyfile among the files serves. */
  sites: string[]
  /** Whether the commands of the first boot leave the marker that the agent reports as `ready`. */
  marked: boolean
  log: string[]
}

const MARKER = /\btouch\s+\/var\/lib\/atlas\/ready\b/

const User = v.object({
  name: v.string(),
  ssh_authorized_keys: v.optional(v.array(v.string()), []),
})
const File = v.object({
  path: v.string(),
  content: v.optional(v.string(), ''),
  encoding: v.optional(v.string(), ''),
  permissions: v.optional(v.string(), '0644'),
})
const CloudConfig = v.object({
  users: v.optional(v.array(v.unknown()), []),
  ssh_keys: v.optional(v.record(v.string(), v.unknown()), {}),
  write_files: v.optional(v.array(v.unknown()), []),
  runcmd: v.optional(v.array(v.unknown()), []),
})
type CloudConfig = v.InferOutput<typeof CloudConfig>

/**
 * Obeys a `#cloud-config` as far as a tenant's server needs it: users, ssh_keys, write_files, runcmd. As in
 * reality a malformed one does not stop the boot: the machine comes up and nobody can log in.
 */
export function obey(userData: string): FirstBoot {
  const config = read(userData)
  if (!config) return { ...NOTHING, log: ['Failed loading yaml blob. Invalid format of the user-data.'] }
  const files = matching(File, config.write_files).map((file) => ({ ...file, bytes: decode(file) }))
  const users = matching(User, config.users)
  const commands = config.runcmd.map((command) =>
    Array.isArray(command) ? command.join(' ') : String(command),
  )
  const hostKey = readHostKey(String(config.ssh_keys.ed25519_private ?? ''))
  return {
    hostKey,
    logins: users.flatMap(({ name, ssh_authorized_keys }) => ssh_authorized_keys.flatMap(loginOf(name))),
    files: files.map(({ path, permissions, bytes }) => ({ path, mode: permissions, ...digestOf(bytes) })),
    sites: files
      .filter(({ path }) => path.endsWith('/Caddyfile'))
      .flatMap(({ bytes }) => sitesOf(`${bytes}`)),
    marked: commands.some((command) => MARKER.test(command)),
    log: [
      ...(hostKey ? ['ssh_keys: the given host key is in place'] : []),
      ...users.map(({ name }) => `users: ${name} is there`),
      ...files.map(({ path }) => `write_files: ${path} is written`),
      ...commands.map((_, index) => `runcmd: ${index + 1} of ${commands.length} ran`),
    ],
  }
}

const NOTHING: FirstBoot = { hostKey: null, logins: [], files: [], sites: [], marked: false, log: [] }

function read(userData: string): CloudConfig | null {
  if (!userData.startsWith('#cloud-config')) return null
  try {
    const document: unknown = YAML.parse(userData)
    const parsed = v.safeParse(CloudConfig, document)
    return parsed.success && !Array.isArray(document) ? parsed.output : null
  } catch {
    return null
  }
}

/** cloud-init skips an entry that it cannot use and goes on. */
function matching<S extends v.GenericSchema>(schema: S, entries: unknown[]): v.InferOutput<S>[] {
  return entries.flatMap((entry) => {
    const parsed = v.safeParse(schema, entry)
    return parsed.success ? [parsed.output] : []
  })
}

function decode({ content, encoding }: v.InferOutput<typeof File>): Buffer {
  const bytes = /b64|base64/.test(encoding) ? Buffer.from(content, 'base64') : Buffer.from(content)
  try {
    return /gz/.test(encoding) ? gunzipSync(bytes) : bytes
  } catch {
    // As cloud-init does: what cannot be decoded is written as it came.
    return bytes
  }
}

function digestOf(bytes: Buffer): { bytes: number; sha256: string } {
  return { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** One line of authorized_keys: options, key type, key, comment. */
function loginOf(user: string): (line: string) => Login[] {
  return (line) => {
    const parts = /^(?:(.*)\s)?(ssh-\S+|ecdsa-\S+)\s+([A-Za-z0-9+/=]+)(?:\s|$)/.exec(line.trim())
    if (!parts) return []
    const [, options = '', type, key] = parts
    const command = /(?:^|,)command="((?:\\.|[^"\\])*)"/.exec(options)?.[1]
    return [{ user, publicKey: `${type} ${key}`, forcedCommand: command?.replaceAll('\\"', '"') ?? null }]
  }
}

/** The addresses before a Caddyfile's outermost braces. */
function sitesOf(caddyfile: string): string[] {
  return caddyfile
    .split('\n')
    .filter((line) => /^[^\s{(#].*\{\s*$/.test(line))
    .flatMap((line) => line.replace('{', '').split(/[\s,]+/))
    .map((address) =>
      address
        .replace(/^https?:\/\//, '')
        .replace(/:\d+$/, '')
        .toLowerCase(),
    )
    .filter((name) => name !== '')
}
