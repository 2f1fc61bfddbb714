import { describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unescape as meant } from 'node:querystring'
import { utils } from 'ssh2'
import { builtinBlueprints } from '../src/catalog/builtin'
import { parseBlueprint } from '../src/catalog/parse'
import { type Environment, readConfig, VARIABLES } from '../src/config'
import { secretsOf } from '../src/config/secrets'
import { AtlasError } from '../src/errors'
import { Log } from '../src/log'
import { generateHostKey } from '../src/providers/ssh/keys'

const root = join(import.meta.dir, '..')
const SSH_KEY = generateHostKey().privateKey

const GOOD: Environment = {
  ADMIN_EMAIL: 'founder@example.com',
  BASE_URL: 'https://shop.example.com',
  TENANT_DOMAIN: 'sites.example.net',
  AUTH_SECRET: 'auth-secret-0123456789-0123456789-0123456789',
  ENCRYPTION_KEY: Buffer.alloc(32, 5).toString('base64'),
  HETZNER_API_TOKEN: 'hetzner-token-canary',
  ATLAS_SSH_KEY_ID: 'atlas',
  ATLAS_SSH_PRIVATE_KEY: SSH_KEY,
  AWS_ACCESS_KEY_ID: 'AKIA0000000000000000',
  AWS_SECRET_ACCESS_KEY: 'aws-secret-canary',
  HOSTED_ZONE_ID: 'Z0123456789ABC',
  STRIPE_SECRET_KEY: 'sk_test_canary',
  STRIPE_WEBHOOK_SECRET: 'whsec_canary',
  RESEND_API_KEY: 're_canary_key',
  EMAIL_FROM: 'Shop <hello@example.com>',
}

function problemsOf(change: Environment): Record<string, string> {
  try {
    readConfig({ ...GOOD, ...change })
    return {}
  } catch (thrown) {
    if (thrown instanceof AtlasError && thrown.code === 'invalid') return thrown.fields ?? {}
    throw thrown
  }
}

describe('a whole configuration', () => {
  test('is read with its defaults', () => {
    expect(readConfig(GOOD)).toMatchObject({
      PORT: 4100,
      DATA_DIR: './data',
      BASE_URL: 'https://shop.example.com',
    })
    expect(readConfig(GOOD).ENCRYPTION_KEY).toHaveLength(32)
  })

  test('takes a PEM with its line breaks written out, and spaces around values', () => {
    const env = {
      ...GOOD,
      ATLAS_SSH_PRIVATE_KEY: ` ${SSH_KEY.trim().replaceAll('\n', '\\n')} `,
      PORT: ' 80 ',
    }
    expect(readConfig(env).ATLAS_SSH_PRIVATE_KEY).toBe(SSH_KEY.trim())
    expect(readConfig(env).PORT).toBe(80)
  })

  test.each([
    ['https://shop.example.com/', 'https://shop.example.com'],
    ['https://SHOP.example.com:443', 'https://shop.example.com'],
    ['http://localhost:4100', 'http://localhost:4100'],
    ['http://atlas.localhost', 'http://atlas.localhost'],
    ['http://127.0.0.1:4100/', 'http://127.0.0.1:4100'],
    ['http://[::1]:4100', 'http://[::1]:4100'],
  ])('has %s as the origin %s', (given, origin) => {
    expect(readConfig({ ...GOOD, BASE_URL: given }).BASE_URL).toBe(origin)
  })
})

describe('a wrong configuration', () => {
  const needed = Object.keys(VARIABLES).filter(
    (name) => !('default' in VARIABLES[name as never]) && !('optional' in VARIABLES[name as never]),
  )

  test('has every problem named at once, with what it is for', () => {
    const none = Object.fromEntries(Object.keys(GOOD).map((name) => [name, undefined]))
    expect(Object.keys(problemsOf(none)).sort()).toEqual(needed.sort())
    expect(problemsOf(none).HETZNER_API_TOKEN).toBe(
      'is missing: it is for servers at Hetzner Cloud (read and write)',
    )
    expect(problemsOf({ ...none, PORT: 'x', STRIPE_API_URL: 'ftp://x' })).toMatchObject({
      PORT: expect.stringContaining('must be a port number'),
      STRIPE_API_URL: expect.stringContaining('must be an http or https address'),
    })
  })

  test.each([
    ['ADMIN_EMAIL', ['founder', 'a@b,c@d', 'A <a@b>', 'a b@c', '@', ' ']],
    [
      'BASE_URL',
      [
        'shop.example.com',
        'ftp://shop.example.com',
        'https://shop.example.com/atlas',
        'https://u:p@shop.example.com',
        'https://shop.example.com?x',
        'http://shop.example.com',
        'http://10.0.0.1',
        'http://localhost.example.com',
        'javascript:alert(1)',
        'https://',
      ],
    ],
    [
      'TENANT_DOMAIN',
      [
        'Sites.example.net',
        '.example.net',
        'example.net.',
        'https://example.net',
        'ex ample.net',
        '-a.net',
        'a..net',
        '*.net',
        'a'.repeat(254),
      ],
    ],
    ['PORT', ['-1', '65536', '1e3', '0x50', '80 80', '123456']],
    ['AUTH_SECRET', ['short', 'x'.repeat(31)]],
    [
      'ENCRYPTION_KEY',
      ['short', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), 'x'.repeat(64)],
    ],
    ['HOSTED_ZONE_ID', ['/hostedzone/Z0123', 'z0123', 'Z 0']],
    ['EMAIL_FROM', ['nobody', 'Shop\r\nBcc: x@example.com']],
    ['REGISTRY_HOST', ['https://ghcr.io', 'GHCR.io', 'ghcr.io/', '-a', 'a..b', 'a b', 'a@b']],
    ['BACKUP_S3_REGION', ['eu west', 'EU', 'x'.repeat(33)]],
    ['SERVER_GATEWAY_URL', ['10.0.0.1:3128', 'socks5://10.0.0.1', 'http://user:50%@10.0.0.1']],
  ])('%s takes none of %j', (name, values) => {
    for (const value of values)
      expect([value, Object.keys(problemsOf({ [name]: value }))]).toEqual([value, [name]])
  })

  const storage = {
    BACKUP_S3_ENDPOINT: 'https://fsn1.your-objectstorage.com',
    BACKUP_S3_BUCKET: 'shop-backups',
    BACKUP_S3_ACCESS_KEY: 'access',
    BACKUP_S3_SECRET_KEY: 'secret',
  }

  test('has storage for backups whole or not at all, and half of it is one problem', () => {
    expect(problemsOf(storage)).toEqual({})
    expect(problemsOf({ ...storage, BACKUP_S3_REGION: 'auto' })).toEqual({})
    expect(problemsOf({ ...storage, BACKUP_S3_BUCKET: ' ' })).toEqual({
      BACKUP_S3_BUCKET: expect.stringMatching(/^is missing: backups need all of BACKUP_S3_ENDPOINT, /),
    })
    expect(problemsOf({ BACKUP_S3_SECRET_KEY: 'secret' })).toEqual({
      BACKUP_S3_ENDPOINT: expect.stringContaining('as are BACKUP_S3_BUCKET, BACKUP_S3_ACCESS_KEY: backups'),
    })
  })

  test.each([
    ['BACKUP_S3_ENDPOINT', ['s3.example.com', 'http://s3.example.com', 'https://u:p@s3.example.com']],
    ['BACKUP_S3_BUCKET', ['Shop', 'a', 'a/b', '-shop', 'shop_backups']],
  ])('%s takes none of %j either', (name, values) => {
    for (const value of values)
      expect([value, Object.keys(problemsOf({ ...storage, [name]: value }))]).toEqual([value, [name]])
  })

  test('has both halves of the registry’s login or none', () => {
    expect(problemsOf({ REGISTRY_USERNAME: 'atlas', REGISTRY_PASSWORD: 'secret' })).toEqual({})
    expect(problemsOf({ REGISTRY_USERNAME: 'atlas' })).toEqual({
      REGISTRY_PASSWORD:
        'is missing: private images need all of REGISTRY_USERNAME, REGISTRY_PASSWORD, or none',
    })
  })

  test('is told without its values', () => {
    const wrong = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, 'canary value\n']))
    expect(JSON.stringify(problemsOf(wrong))).not.toContain('canary')
  })
})

describe('what must never be printed', () => {
  test('is every key and secret, Atlas’s own and those that tenants share, and no id', () => {
    const env = {
      ...GOOD,
      GOOGLE_API_KEY: 'google',
      S3_SECRET_KEY: 's3',
      S3_BUCKET: 'bucket',
      CI_JOB_TOKEN: 'ci',
      DB_PASSWORD: 'db',
    }
    const secrets = secretsOf(env)
    for (const name of [
      'AUTH_SECRET',
      'ENCRYPTION_KEY',
      'HETZNER_API_TOKEN',
      'AWS_SECRET_ACCESS_KEY',
      'STRIPE_SECRET_KEY',
      'STRIPE_WEBHOOK_SECRET',
      'RESEND_API_KEY',
      'GOOGLE_API_KEY',
      'S3_SECRET_KEY',
      'CI_JOB_TOKEN',
      'DB_PASSWORD',
    ])
      expect(secrets).toContain(env[name as keyof typeof env]!)
    for (const name of [
      'ADMIN_EMAIL',
      'BASE_URL',
      'ATLAS_SSH_KEY_ID',
      'AWS_ACCESS_KEY_ID',
      'S3_BUCKET',
      'HOSTED_ZONE_ID',
    ])
      expect(secrets).not.toContain(env[name as keyof typeof env]!)
    expect(secrets).toContain(SSH_KEY.trim())
  })

  test.each([
    ['a password in an address', 'https://atlas:canary%2Fword@proxy.example.net:3128'],
    ['one that is not well written', 'https://atlas:canary%2F50%@proxy.example.net'],
    ['a token in the name’s place', 'http://canary%2Fword@proxy.example.net'],
    ['a short one', 'http://canary%2F:pw@proxy.example.net'],
  ])('is %s, however it is spelled', (_, address) => {
    const lines: string[] = []
    const log = new Log(
      () => 0,
      (line) => lines.push(line),
    )
    log.hide(...secretsOf({ SERVER_GATEWAY_URL: address }))
    const { username, password } = new URL(address)
    const sent = Buffer.from(meant(`${username}:${password}`)).toString('base64')
    log.info(`${address} as Basic ${sent}`, { address, meant: meant(address) })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('proxy.example.net')
    for (const leaked of ['canary', 'word', ':pw', sent]) expect(lines[0]).not.toContain(leaked)
  })

  test('is nothing of an address without a password, or of what is no address', () => {
    expect(secretsOf({ SERVER_GATEWAY_URL: 'http://10.0.0.1:3128', BASE_URL: 'nowhere' })).toEqual([])
  })
})

describe('atlas serve', () => {
  async function serve(env: Environment) {
    const cwd = mkdtempSync(join(tmpdir(), 'atlas-config-'))
    const argv = [process.execPath, 'src/main.ts', 'serve']
    const child = Bun.spawn(argv, {
      cwd: root,
      env: { PATH: process.env.PATH, DATA_DIR: join(cwd, 'data'), ...env },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [code, out, err] = await Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ])
    const made = existsSync(join(cwd, 'data'))
    rmSync(cwd, { recursive: true })
    return { code, text: out + err, made }
  }

  test('without an environment lists all that is missing, the blueprints’ variables too, and ends with 1', async () => {
    const { code, text } = await serve({})
    expect(code).toBe(1)
    for (const name of [...Object.keys(GOOD), ...blueprintVariables()]) expect(text).toContain(name)
    expect(text).not.toMatch(/^ +at /m)
  })

  test('with a wrong one prints no secret, however it is wrong', async () => {
    const { code, text } = await serve({ ...GOOD, BASE_URL: 'nowhere', STRIPE_WEBHOOK_SECRET: undefined })
    expect(code).toBe(1)
    expect(text).toContain('BASE_URL must be')
    for (const secret of secretsOf(GOOD))
      for (const line of secret.split('\n')) if (line.length > 5) expect(text).not.toContain(line)
  })

  test.each([
    ['cut off', SSH_KEY.slice(0, 200), 'The SSH private key cannot be read'],
    ['no key', 'ssh-key', 'The SSH private key cannot be read'],
    ['its public half', generateHostKey().publicKey, 'the public half of an SSH key'],
    [
      'of RSA',
      utils.generateKeyPairSync('rsa', { bits: 1024 }).private,
      'The SSH private key is of type ssh-rsa',
    ],
  ])(
    'names an SSH key that is %s beside every other problem, before anything is made',
    async (_, key, words) => {
      const { code, text, made } = await serve({ ...GOOD, ADMIN_EMAIL: 'nobody', ATLAS_SSH_PRIVATE_KEY: key })
      expect(code).toBe(1)
      for (const said of ['ATLAS_SSH_PRIVATE_KEY: ', words, 'ADMIN_EMAIL must be', ...blueprintVariables()])
        expect(text).toContain(said)
      expect(made).toBe(false)
    },
  )
})

describe('the README', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const tables = readme.split('\n').filter((line) => line.startsWith('| `'))
  const named = tables.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map((found) => found[1] ?? ''),
  )

  test('has every variable in its table, each once, and no other', () => {
    const ours = [...Object.keys(VARIABLES), ...blueprintVariables()]
    expect([...named].sort()).toEqual([...new Set(ours)].sort())
  })
})

/** The variables that the built-in blueprints name. */
function blueprintVariables(): string[] {
  const names = builtinBlueprints.flatMap((source) => {
    const { blueprint } = parseBlueprint(source)
    const shared = blueprint?.settings.flatMap((setting) => ('from' in setting ? [setting.from] : [])) ?? []
    return [...(blueprint?.plans.map(({ priceVariable }) => priceVariable) ?? []), ...shared]
  })
  return [...new Set(names)]
}
