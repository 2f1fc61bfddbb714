import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runLogs, secrets } from '../src/db/schema'
import type { Exchange } from '../src/simulator/twin'
import type { Canaries } from './app-canaries'
import { liveEverything } from './app-canaries-flows'
import { type Kept, lookAround } from './app-canaries-pages'
import { CanaryScene } from './app-canaries-scene'

let scene: CanaryScene
let canaries: Canaries
let pages: Kept[]

beforeAll(async () => {
  scene = await CanaryScene.open()
  canaries = scene.canaries
  await liveEverything(scene)
  pages = await lookAround(scene)
  scene.learnOneTimeSecrets()
}, 120_000)

afterAll(() => scene.close())

const to = (wanted: string) => scene.exchanges.filter(({ provider }) => provider === wanted)

test('there are thirty canaries or more, and each is a secret of its own', () => {
  expect(canaries.values.length).toBeGreaterThanOrEqual(40)
  for (const value of canaries.values) expect(value.length).toBeGreaterThanOrEqual(16)
  for (const kind of ['backup-key', 'DATABASE_PASSWORD', 'signed address', 'registry’s token', 'host key']) {
    expect([kind, canaries.names.some((name) => name.includes(kind))]).toEqual([kind, true])
  }
})

test('none is in the database, its write-ahead log or any other file of the data folder', () => {
  const files = readdirSync(scene.folder).filter((name) => name.startsWith('atlas'))
  expect(files).toContain('atlas.db-wal')
  for (const name of files) {
    expect([name, canaries.foundIn(readFileSync(join(scene.folder, name)), 'database')]).toEqual([name, []])
  }
})

test('none is in what a release has printed that failed, though it has printed them all', () => {
  const said = scene.atlas.services.db.read.select().from(runLogs).all()
  const printed = said.map(({ line }) => line).filter((line) => line.includes('[hidden]'))
  expect(printed).toContain('DATABASE_PASSWORD=[hidden]')
  expect(printed).toContain('GOOGLE_API_KEY=[hidden]')
  expect(canaries.foundIn(printed.join('\n'), 'log of a run')).toEqual([])
})

test('none is in the log', () => {
  expect(canaries.foundIn(scene.lines.join('\n'), 'log')).toEqual([])
})

test('none is on a page, in an answer of the API, or in an error', () => {
  const paths = pages.map(({ title }) => title).join('\n')
  for (const kind of [
    '/admin/runs/',
    '/admin/drift',
    '/admin/rollouts/',
    '/timeline',
    '/backups/',
    '/deploy',
  ]) {
    expect([kind, paths.includes(kind)]).toEqual([kind, true])
  }
  expect(canaries.foundAmong(pages, 'page')).toEqual([])
})

test('none is in a mail, except a sign-in link in the mail that is made for it', () => {
  const mails = to('resend').filter(({ method }) => method === 'POST')
  expect(mails.length).toBeGreaterThanOrEqual(12)
  for (const { requestBody } of mails) {
    const kind = requestBody.includes('/login/confirm') ? 'login mail' : 'mail'
    expect(canaries.foundIn(requestBody, kind)).toEqual([])
  }
})

test('none is in user-data, except the first host key, which is replaced at once', () => {
  const created = to('hetzner').filter(({ requestBody }) => requestBody.includes('user_data'))
  // Two tenants, one of which has moved.
  expect(created).toHaveLength(3)
  for (const { requestBody } of created) expect(canaries.foundIn(requestBody, 'user-data')).toEqual([])
  const kept = scene.atlas.services.db.read.select().from(secrets).all()
  expect(kept.filter(({ name }) => name === 'first-host-key')).toEqual([])
})

test('none is in a request to a vendor, except that vendor’s own key in its header', () => {
  const providers = new Set(scene.exchanges.map(({ provider }) => provider))
  expect(providers).toEqual(new Set(['stripe', 'hetzner', 'route53', 'resend', 's3', 'registry']))
  for (const provider of providers) {
    const sent = to(provider).map((one) => ({
      title: one.path,
      text: one.requestHeaders.authorization ?? '',
    }))
    expect(canaries.foundAmong(sent, `${provider} authorization`)).toEqual([])
  }
  const kinds = Map.groupBy(scene.exchanges, kindOf)
  for (const [kind, exchanges] of kinds) {
    expect(canaries.foundAmong(exchanges.map(withoutAuthorization), kind)).toEqual([])
  }
})

test('none is in a backup that lies in the storage', () => {
  const stored = scene.clouds.s3.stored().map(({ key, body }) => ({ title: key, text: atob(body) }))
  expect(stored.length).toBeGreaterThan(3)
  expect(canaries.foundAmong(stored, 'backup')).toEqual([])
})

test('none is in a command line on a server, and Atlas starts no program on its own', async () => {
  const verbs = new Set(scene.commands.map((line) => line.split(' ')[0]))
  for (const verb of ['settings', 'backup', 'restore', 'rotate', 'deploy', 'stop'])
    expect(verbs).toContain(verb)
  expect(canaries.foundIn(scene.commands.join('\n'), 'command')).toEqual([])
  const source = join(import.meta.dir, '../src')
  for await (const path of new Bun.Glob('**/*.{ts,tsx}').scan(source)) {
    // The crash simulation starts copies of itself, which know made-up keys only.
    if (path.startsWith('crashtest/')) continue
    const text = await Bun.file(join(source, path)).text()
    expect([path, /Bun\.(spawn|spawnSync|\$)|child_process/.test(text)]).toEqual([path, false])
  }
})

describe('the search', () => {
  test('finds a canary in any spelling, and one half of it', () => {
    const [value = ''] = canaries.values
    for (const spelled of [
      value,
      value.slice(0, -value.length / 3),
      encodeURIComponent(value),
      Buffer.from(`x${value}`).toString('base64'),
      Buffer.from(value).toString('hex'),
      JSON.stringify(JSON.stringify(value)),
    ])
      expect(canaries.foundIn(`before ${spelled} after`, 'log').length).toBeGreaterThan(0)
  })

  test('finds them where they are meant to be, when nothing is excused', () => {
    const sent = scene.exchanges.map(
      ({ path, requestHeaders, requestBody }) => `${requestHeaders.authorization} ${path} ${requestBody}`,
    )
    const found = canaries.foundIn(sent.join('\n'), 'anywhere').map((name) => name.replace(/, line .*/, ''))
    expect([...new Set(found)].sort()).toEqual([
      ...['HETZNER_API_TOKEN', 'REGISTRY_PASSWORD', 'RESEND_API_KEY', 'STRIPE_SECRET_KEY'],
      ...['a first host key', 'a registry’s token', 'a signed address', 'sign-in link'],
    ])
  })
})

function kindOf({ provider, requestBody }: Exchange): string {
  if (/login\/confirm/.test(requestBody)) return 'login mail'
  if (requestBody.includes('user_data')) return 'user-data'
  return `${provider} request`
}

function withoutAuthorization({ path, requestHeaders, requestBody }: Exchange): Kept {
  const { authorization: _, ...headers } = requestHeaders
  return { title: path, text: JSON.stringify(headers) + path + requestBody }
}
