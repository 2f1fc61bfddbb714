import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApiToken } from '../src/accounts/api-token'
import { type Atlas, startAtlas } from '../src/atlas'
import { findPorts } from '../src/cli/demo-clouds'
import { ADMIN_EMAIL, type DemoPorts, demoEnvironment, demoKeys } from '../src/cli/demo-environment'
import { demoPrices } from '../src/cli/demo-goods'
import { liveStory } from '../src/cli/story'
import { SystemClock } from '../src/clock'
import type { Environment } from '../src/config'
import { runs, secrets, signups, tenants } from '../src/db/schema'
import { Log } from '../src/log'
import { generateHostKey, publicKeyOf } from '../src/providers/ssh/keys'
import { unseal } from '../src/secrets'
import { signupToken } from '../src/signups/link'
import { type Simulator, startSimulator } from '../src/simulator/simulator'
import type { Exchange } from '../src/simulator/twin'
import { dataKeyPlace } from '../src/tenants/tenant'

/** What must not be found, by its name, and where it is meant to be all the same. */
type Canary = { name: string; value: string; mayBeIn?: RegExp }

const CUSTOMERS = [
  { subdomain: 'canary-one', email: 'one@example.com', plan: 'starter' },
  { subdomain: 'canary-two', email: 'two@example.com', plan: 'pro' },
]

const folder = mkdtempSync(join(tmpdir(), 'atlas-canaries-'))
const lines: string[] = []
const exchanges: Exchange[] = []
const commands: string[] = []
const canaries: Canary[] = []
const pages: { path: string; text: string }[] = []
let clouds: Simulator
let atlas: Atlas

beforeAll(async () => {
  const ports = findPorts(0)
  const clock = new SystemClock()
  const env = environment(ports)
  clouds = await startClouds(env, ports, clock)
  clouds.front.observe((exchange) => exchanges.push(exchange))
  clouds.machines.observe(({ kind, detail }) => kind === 'command' && commands.push(detail))
  atlas = startAtlas(
    env,
    clock,
    new Log(
      () => clock.now(),
      (line) => lines.push(line),
    ),
  )
  const scene = {
    atlas: env.BASE_URL ?? '',
    clouds: `http://localhost:${ports.clouds}`,
    tenants: `http://localhost:${ports.tenants}`,
    adminEmail: ADMIN_EMAIL,
    clock,
    tell: () => undefined,
  }
  // One after the other: they share an operator, whose sign-in links would cross.
  for (const customer of CUSTOMERS) await liveStory(scene, customer)
  await signInAndLookAround(scene.atlas, scene.clouds)
  tenantsSecrets(env)
}, 60_000)

afterAll(async () => {
  await atlas.stop()
  await clouds.stop()
  rmSync(folder, { recursive: true })
})

test('there are thirty canaries or more, and each is a secret of its own', () => {
  expect(canaries.length).toBeGreaterThanOrEqual(30)
  expect(new Set(canaries.map(({ value }) => value)).size).toBe(canaries.length)
  for (const { value } of canaries) expect(value.length).toBeGreaterThanOrEqual(16)
})

test('none is in the database, its write-ahead log or any other file of the data folder', () => {
  const files = readdirSync(folder).filter((name) => name.startsWith('atlas'))
  expect(files).toContain('atlas.db-wal')
  for (const name of files) expect(foundIn(readFileSync(join(folder, name)), 'database')).toEqual([])
})

test('none is in the log', () => {
  expect(foundIn(lines.join('\n'), 'log')).toEqual([])
})

test('none is on a page, in an answer of the API, or in an error', () => {
  expect(pages.length).toBeGreaterThan(20)
  for (const { path, text } of pages) expect([path, foundIn(text, 'page')]).toEqual([path, []])
})

test('none is in a mail, except a sign-in link in the mail that is made for it', () => {
  const mails = exchanges.filter(({ provider, method }) => provider === 'resend' && method === 'POST')
  expect(mails.length).toBeGreaterThanOrEqual(4)
  for (const { requestBody } of mails) {
    const kind = requestBody.includes('/login/confirm') ? 'login mail' : 'mail'
    expect(foundIn(requestBody, kind)).toEqual([])
  }
})

test('none is in user-data, except the first host key, which is replaced at once', () => {
  const created = exchanges.filter(
    ({ provider, requestBody }) => provider === 'hetzner' && requestBody.includes('user_data'),
  )
  expect(created).toHaveLength(2)
  for (const { requestBody } of created) expect(foundIn(requestBody, 'user-data')).toEqual([])
  const firstKeys = atlas.services.db.read
    .select()
    .from(secrets)
    .all()
    .filter(({ name }) => name === 'first-host-key')
  expect(firstKeys).toEqual([])
})

test('none is in a request to a vendor, except that vendor’s own key in its header', () => {
  expect(new Set(exchanges.map(({ provider }) => provider))).toEqual(
    new Set(['stripe', 'hetzner', 'route53', 'resend']),
  )
  for (const { provider, path, requestHeaders, requestBody } of exchanges) {
    const { authorization = '', ...headers } = requestHeaders
    expect(foundIn(authorization, `${provider} authorization`)).toEqual([])
    const kind = /login\/confirm/.test(requestBody)
      ? 'login mail'
      : requestBody.includes('user_data')
        ? 'user-data'
        : 'request'
    expect([path, foundIn(JSON.stringify(headers) + path + requestBody, kind)]).toEqual([path, []])
  }
})

test('none is in a command line on a server', () => {
  expect(commands.length).toBeGreaterThan(8)
  expect(foundIn(commands.join('\n'), 'command')).toEqual([])
})

describe('the search', () => {
  test('finds a canary in any spelling', () => {
    const { value } = canaries[0]!
    for (const spelled of [
      value,
      encodeURIComponent(value),
      Buffer.from(`x${value}`).toString('base64'),
      Buffer.from(value).toString('hex'),
      JSON.stringify(JSON.stringify(value)),
    ])
      expect(foundIn(`before ${spelled} after`, 'log').length).toBeGreaterThan(0)
  })

  test('finds them where they are meant to be, when nothing is excused', () => {
    const sent = exchanges
      .map(({ requestHeaders, requestBody }) => `${requestHeaders.authorization} ${requestBody}`)
      .join('\n')
    const found = foundIn(sent, 'anywhere').map((name) => name.replace(/, line .*/, ''))
    expect([...new Set(found)].sort()).toEqual(
      ['HETZNER_API_TOKEN', 'RESEND_API_KEY', 'STRIPE_SECRET_KEY', 'a first host key', 'sign-in link'].sort(),
    )
  })
})

/** Names of the canaries in a text, in whatever spelling, that have no business there. */
function foundIn(text: string | Buffer, where: string): string[] {
  const bytes = Buffer.from(text)
  return canaries
    .filter(({ mayBeIn }) => !mayBeIn?.test(where))
    .filter(({ value }) => spellings(value).some((spelling) => bytes.includes(spelling)))
    .map(({ name }) => name)
}

function spellings(value: string): (string | Buffer)[] {
  const inJson = JSON.stringify(value).slice(1, -1)
  // Base64 of a text depends on where in the whole it begins: three ways, without the edges.
  const shifted = [0, 1, 2].map((shift) =>
    Buffer.from(`${'x'.repeat(shift)}${value}`)
      .toString('base64')
      .slice(4, -4),
  )
  const urlSafe = shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))
  return [
    value,
    inJson,
    encodeURIComponent(value),
    Buffer.from(value).toString('hex'),
    ...shifted,
    ...urlSafe,
  ]
}

function remember(name: string, value: string | undefined, mayBeIn?: RegExp): string {
  if (!value) throw new Error(`${name} has no value`)
  canaries.push({ name, value, mayBeIn })
  return value
}

/** The demo's environment with a canary in every secret place. */
function environment(ports: DemoPorts): Environment {
  const secret = (name: string, prefix = '', mayBeIn?: RegExp) =>
    remember(
      name,
      `${prefix}canary${name.toLowerCase().replaceAll('_', '')}${crypto.randomUUID().replaceAll('-', '')}`,
      mayBeIn,
    )
  const sshKey = generateHostKey()
  const encryptionKey = Buffer.from(crypto.getRandomValues(new Uint8Array(32)))
  remember('ENCRYPTION_KEY', encryptionKey.toString('base64'))
  remember('ENCRYPTION_KEY in hex', encryptionKey.toString('hex'))
  rememberPem('ATLAS_SSH_PRIVATE_KEY', sshKey.privateKey)
  return {
    ...demoEnvironment(
      folder,
      { ...demoKeys(folder), sshPrivateKey: sshKey.privateKey, sshPublicKey: sshKey.publicKey },
      ports,
    ),
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
  }
}

/** A key is lost with any of its lines. */
function rememberPem(name: string, pem: string, mayBeIn?: RegExp): void {
  const body = pem.split('\n').filter((line) => line.length > 15 && !line.startsWith('-----'))
  // The first lines hold the public half.
  for (const [at, line] of body.slice(2).entries()) remember(`${name}, line ${at + 3}`, line, mayBeIn)
}

function startClouds(env: Environment, ports: DemoPorts, clock: SystemClock): Promise<Simulator> {
  return startSimulator({
    clock,
    speed: 1_000,
    ports,
    keys: {
      stripe: env.STRIPE_SECRET_KEY ?? '',
      hetzner: env.HETZNER_API_TOKEN ?? '',
      awsAccessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
      resend: env.RESEND_API_KEY ?? '',
      s3: {
        bucket: env.BACKUP_S3_BUCKET ?? '',
        region: env.BACKUP_S3_REGION ?? '',
        accessKeyId: env.BACKUP_S3_ACCESS_KEY ?? '',
        secretAccessKey: env.BACKUP_S3_SECRET_KEY ?? '',
      },
      registry: { username: env.REGISTRY_USERNAME ?? '', password: env.REGISTRY_PASSWORD ?? '' },
    },
    prices: demoPrices(),
    webhook: { url: `${env.BASE_URL}/api/stripe/webhook`, secret: env.STRIPE_WEBHOOK_SECRET ?? '' },
    zone: { id: env.HOSTED_ZONE_ID ?? '', name: 'localhost' },
    sshKey: { name: env.ATLAS_SSH_KEY_ID ?? '', publicKey: publicKeyOf(env.ATLAS_SSH_PRIVATE_KEY ?? '') },
  })
}

/** Signs in by hand, so that every token on the way is known, and opens every page. */
async function signInAndLookAround(base: string, cloudsUrl: string): Promise<void> {
  const send = (path: string, init: RequestInit = {}) =>
    fetch(`${base}${path}`, { redirect: 'manual', ...init })
  const form = (fields: Record<string, string>, cookie = '') => ({
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { origin: base, cookie },
  })
  const cookieOf = (answer: Response, name: string) =>
    answer.headers.getSetCookie().flatMap((line) => new RegExp(`^${name}=([^;]+)`).exec(line)?.[1] ?? [])[0]

  const known = await signInLinks(cloudsUrl)
  const browser = remember(
    'browser token',
    cookieOf(await send('/login', form({ email: ADMIN_EMAIL })), 'atlas_browser'),
  )
  const link = remember('sign-in link', await nextLink(cloudsUrl, known), /^login mail$|^page of the link$/)
  const answer = await send('/login/confirm', form({ token: link }, `atlas_browser=${browser}`))
  const session = remember('session', cookieOf(answer, 'atlas_session'))
  const { db, clock, settings } = atlas.services
  const { token } = db.write((tx) => createApiToken(tx, 'canary', { id: 'test' }, clock.now()))
  remember('API token', token)

  const bad = {
    method: 'POST',
    body: '{"x"',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  }
  for (const path of ['/api/signup', '/api/admin/provision', '/api/stripe/webhook'])
    await keep(path, send(path, bad))
  const ids = [
    ...db.read
      .select()
      .from(tenants)
      .all()
      .flatMap(({ id }) => [`/admin/tenants/${id}`]),
    ...db.read
      .select()
      .from(runs)
      .all()
      .flatMap(({ id }) => [`/admin/runs/${id}`, `/admin/runs/${id}/undo`]),
    ...db.read
      .select()
      .from(signups)
      .all()
      .map(({ id }) => `/signup/success?signup=${signupToken(settings.authSecret, id)}`),
  ]
  const lists = [
    '/',
    '/signup',
    '/login',
    '/admin',
    '/admin/signups',
    '/admin/tenants',
    '/admin/runs',
    '/api/admin/tenants',
    '/api/openapi.json',
    '/nowhere',
    '/api/nowhere',
    '/admin/runs/run_x',
    `/login/confirm?token=${'x'.repeat(43)}`,
    '/assets/htmx.js',
  ]
  for (const path of [...lists, ...ids])
    await keep(path, send(path, { headers: { cookie: `atlas_session=${session}` } }))
}

async function keep(path: string, answer: Promise<Response>): Promise<void> {
  const { headers, ...response } = await answer.then(async (got) => ({
    headers: got.headers,
    text: await got.text(),
  }))
  pages.push({ path, text: `${JSON.stringify([...headers])}\n${response.text}` })
}

async function signInLinks(cloudsUrl: string): Promise<string[]> {
  const answer = await fetch(`${cloudsUrl}/mailbox.json?to=${encodeURIComponent(ADMIN_EMAIL)}`)
  const { mails } = (await answer.json()) as { mails: { text: string }[] }
  return mails.flatMap(({ text }) => /confirm\?token=([\w-]+)/.exec(text)?.[1] ?? [])
}

/** The link that comes after those known. */
async function nextLink(cloudsUrl: string, known: string[]): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const link = (await signInLinks(cloudsUrl)).find((token) => !known.includes(token))
    if (link) return link
    await Bun.sleep(20)
  }
  throw new Error('no sign-in mail came')
}

/** What was made for each tenant, opened with the key that only this process has. */
function tenantsSecrets(env: Environment): void {
  const key = Buffer.from(env.ENCRYPTION_KEY ?? '', 'base64')
  const { read } = atlas.services.db
  for (const tenant of read.select().from(tenants).all()) {
    const dataKey = unseal(key, tenant.dataKey, dataKeyPlace(tenant.id))
    remember(`${tenant.subdomain}’s data key`, dataKey.toString('base64'))
    for (const row of read
      .select()
      .from(secrets)
      .all()
      .filter(({ tenantId }) => tenantId === tenant.id)) {
      const value = unseal(dataKey, row.sealed, `secrets/${tenant.id}/${row.name}`).toString()
      remember(`${tenant.subdomain}’s ${row.name}`, value)
    }
  }
  for (const { requestBody } of exchanges.filter(({ requestBody }) => requestBody.includes('user_data'))) {
    const { user_data } = JSON.parse(requestBody) as { user_data: string }
    const pem =
      /-----BEGIN OPENSSH PRIVATE KEY-----[\s\S]+?-----END OPENSSH PRIVATE KEY-----/.exec(user_data)?.[0] ??
      ''
    rememberPem('a first host key', pem.replace(/^ +/gm, ''), /^user-data$/)
  }
}
