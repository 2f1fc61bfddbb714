import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { parse, stringify } from 'yaml'
import { builtinBlueprints } from '../../src/catalog/builtin'
import { type Catalog, loadCatalog } from '../../src/catalog/catalog'
import { syncPlans } from '../../src/catalog/plans'
import { conflict } from '../../src/errors'
import { fail, goLive } from '../../src/provisioning/ending'
import { factsOf, getRun } from '../../src/runs/run'
import { signupToken } from '../../src/signups/link'
import type { Browser } from '../browser-habits'
import { AUTH_SECRET, openStage, type Stage } from '../stage'
import { elementsOf } from '../views/dom'

const NASTY = [
  '<script>alert(1)</script>',
  `"><img src=x onerror=alert(1) hx-get=/admin>`,
  `' hx-on:click='alert(1)' hx-post='/logout' x='`,
  '</title></textarea></noscript></p><svg onload=alert(1)>',
  'javascript:alert(1)//" onfocus="alert(1)" autofocus x="',
  'a\n\nevent: done\ndata: <b>x</b>\r\rdata: y',
]

/** Everything of the database that a person, a provider or a machine had a say in, and that a page may show. */
const SAID: Record<string, string[]> = {
  signups: ['email', 'approved_by', 'checkout_url'],
  organizations: ['name', 'stripe_customer_id'],
  plans: ['name', 'currency'],
  tenants: ['status_reason', 'release'],
  servers: ['name', 'external_id', 'server_type', 'location', 'image', 'ipv4', 'ipv6', 'host_key'],
  dns_records: ['name', 'value', 'change_id'],
  subscriptions: ['stripe_id', 'status', 'price_id'],
  payments: ['stripe_invoice_id'],
  runs: ['reason', 'error_code'],
  steps: ['title', 'reason'],
  effects: ['verb', 'key', 'external_id', 'error'],
  run_logs: ['line'],
  inbox: ['type', 'reason', 'event_id'],
  outbox: ['kind', 'recipient', 'reason'],
  releases: ['tag', 'notes', 'created_by'],
  rollouts: ['reason', 'created_by'],
  rollout_targets: ['former_release', 'failed_part', 'reason'],
  tenant_tags: ['tag'],
  audit_events: ['actor', 'subject', 'ip'],
}

type Scene = { stage: Stage; operator: Browser; paths: string[]; run: string }

/** A stage on which everything that can be said is `words`. */
async function sceneSaying(words: string): Promise<Scene> {
  const stage = openStage({ services: { catalog: catalogSaying(words) } })
  const { db, catalog, clock } = stage.services
  db.write((tx) => syncPlans(tx, catalog, clock.now()))
  const waiting = await stage.paidSignup('ada-waiting')
  stage.clock.advance(1)
  const { tenantId, runId, signupId } = await stage.tenant('ada-lovelace')
  stage.clock.advance(1)
  furnish(stage, tenantId, runId)
  const operator = await stage.operator()
  for (const [table, columns] of Object.entries(SAID)) {
    for (const column of columns)
      db.sqlite.run(`UPDATE ${table} SET ${column} = ${filling(table, column)}`, [words])
  }
  db.sqlite.run('UPDATE effects SET summary = ?', [JSON.stringify({ [words]: words, name: words })])
  // The operator stays who they are, and plans keep a currency that can be shown.
  db.sqlite.run("UPDATE plans SET currency = 'usd'")
  const q = encodeURIComponent(words)
  const token = encodeURIComponent(signupToken(AUTH_SECRET, signupId))
  const waitingToken = encodeURIComponent(signupToken(AUTH_SECRET, waiting))
  const pending = encodeURIComponent(signupToken(AUTH_SECRET, stage.signup('ada-pending')))
  const paths = [
    '/',
    `/?x=${q}`,
    `/signup?plan=${q}&subdomain=${q}&email=${q}`,
    `/signup/subdomain?subdomain=!${q}`,
    `/signup/checkout?signup=${pending}`,
    `/signup/success?signup=${token}`,
    `/signup/success?signup=${waitingToken}`,
    `/signup/success/events?signup=${token}`,
    `/signup/success?signup=${q}`,
    `/login?email=${q}`,
    `/login/confirm?token=${q}`,
    '/admin',
    '/admin/events',
    '/admin/signups',
    `/admin/signups?q=${q}&status=${q}&page=${q}`,
    '/admin/tenants',
    `/admin/tenants?q=${q}&status=${q}&plan=${q}&sort=${q}&dir=${q}`,
    `/admin/tenants/${tenantId}`,
    `/admin/tenants/${tenantId}/events`,
    `/admin/tenants/${q}`,
    '/admin/runs',
    `/admin/runs?q=${q}&status=${q}`,
    `/admin/runs/${runId}`,
    `/admin/runs/${runId}/events`,
    `/admin/runs/${runId}/undo`,
    '/admin/deploy',
    `/admin/deploy?blueprint=${q}&tag=${q}&notes=${q}&migration=${q}&backup=${q}&waves=${q}&canaries=${q}`,
    '/admin/releases',
    `/admin/releases?blueprint=${q}&page=${q}`,
    '/admin/rollouts',
    `/admin/rollouts?q=${q}&status=${q}`,
    '/admin/rollouts/events',
    '/admin/rollouts/rol_1',
    '/admin/rollouts/rol_1/events',
    `/admin/rollouts/rol_1?target=${q}`,
    '/admin/rollouts/rol_1/targets',
    `/admin/rollouts/rol_1/targets?q=${q}&state=${q}`,
    '/admin/rollouts/rol_1/abortion',
    '/admin/rollouts/rol_1/way-back',
    `/admin/rollouts/${q}`,
    `/admin/tenants/${tenantId}/tags`,
    `/${q}`,
  ]
  return { stage, operator, paths, run: runId }
}

const shape = (markup: string) =>
  elementsOf(markup).map(({ tag, attributes }) => `${tag} ${[...attributes.keys()].join(' ')}`)
const look = async ({ operator }: Scene, path: string): Promise<string> => {
  const answer = await operator.get(path)
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer.text()
  const reader = answer.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>
  const { value } = await reader.read()
  await reader.cancel()
  const text = new TextDecoder().decode(value)
  // Each line is data, or what was said could pass for an event of Atlas's.
  expect(text.split(/\r\n|\r|\n/).filter((line) => line !== '' && !line.startsWith('data: '))).toEqual([])
  return text
}

describe.each(NASTY)('with %j in every field', (nasty) => {
  // The same length, so that nothing is cut off in one and not in the other.
  const harmless = 'x'.repeat(nasty.length)
  let bad: Scene
  let good: Scene
  beforeAll(async () => {
    bad = await sceneSaying(nasty)
    good = await sceneSaying(harmless)
  })
  afterAll(() => Promise.all([bad.stage.close(), good.stage.close()]))

  test('every page keeps its shape', async () => {
    for (const [at, path] of bad.paths.entries()) {
      const [markup, control] = [await look(bad, path), await look(good, good.paths[at]!)]
      expect([path, shape(markup)]).toEqual([path, shape(control)])
      expect(
        elementsOf(markup).flatMap(({ attributes }) =>
          [...attributes.keys()].filter((name) => /^on|^hx-on|^style$/.test(name)),
        ),
      ).toEqual([])
      for (const { attributes } of elementsOf(markup)) {
        for (const name of ['href', 'src', 'action', 'formaction'])
          expect(attributes.get(name) ?? '').not.toMatch(/^\s*(javascript|data|vbscript):/i)
      }
    }
    expect([...bad.stage.lines, ...good.stage.lines]).toEqual([])
  })

  test('the shop’s icon and colours hold none of it', async () => {
    for (const path of ['/assets/favicon.svg', '/assets/accent.css', '/favicon.ico']) {
      const [drawn, control] = [await look(bad, path), await look(good, path)]
      expect(drawn.match(/[<>{}]/g)).toEqual(control.match(/[<>{}]/g))
    }
  })

  test('the form keeps what was typed as text', async () => {
    const form = { subdomain: nasty, email: nasty, plan: nasty }
    const markup = await (await bad.stage.browser().post('/signup', form)).text()
    const control = await (
      await good.stage
        .browser()
        .post('/signup', { subdomain: '!'.padEnd(nasty.length, 'x'), email: harmless, plan: harmless })
    ).text()
    expect(shape(markup)).toEqual(shape(control))
    const login = await (await bad.stage.browser().post('/login', { email: nasty })).text()
    expect(shape(login)).toEqual(
      shape(await (await good.stage.browser().post('/login', { email: harmless })).text()),
    )
  })

  test('no JSON of the API can be taken for a page', async () => {
    const answer = await bad.operator.get(`/api/admin/tenants?q=&x=${encodeURIComponent(nasty)}`)
    expect(answer.headers.get('content-type')).toStartWith('application/json')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('every mail keeps its shape, its subject stays one line', () => {
    const mailsOf = ({ stage, run }: Scene, words: string) => {
      const { db, clock } = stage.services
      const again = () => {
        for (const table of ['tenants', 'signups'])
          db.sqlite.run(`UPDATE ${table} SET status = 'provisioning' WHERE status = 'failed'`)
      }
      const facts = factsOf(getRun(db.read, run))
      again()
      db.write((tx) => fail(tx, stage.services, facts, conflict(words), clock.now()))
      again()
      db.write((tx) => goLive(tx, stage.services, facts, clock.now()))
      return stage.mails()
    }
    const [mails, controls] = [mailsOf(bad, nasty), mailsOf(good, harmless)]
    expect(mails.length).toBeGreaterThanOrEqual(3)
    expect(mails.map(({ html }) => shape(html))).toEqual(controls.map(({ html }) => shape(html)))
    for (const { subject, to, from } of mails) expect(`${subject}${to}${from}`).not.toMatch(/[\r\n]/)
  })
})

test('the measure notices a page that does not escape', () => {
  const careless = (words: string) => `<main><p title="${words}">${words}</p><a href='${words}'>x</a></main>`
  for (const nasty of NASTY.slice(0, 4)) expect(shape(careless(nasty))).not.toEqual(shape(careless('x')))
})

function furnish({ services: { db } }: Stage, tenantId: string, runId: string): void {
  const insert = (sql: string) =>
    db.sqlite.run(sql.replaceAll('$tenant', `'${tenantId}'`).replaceAll('$run', `'${runId}'`))
  insert(
    "INSERT INTO dns_records (id, tenant_id, name, type, value, ttl_seconds, created_at) VALUES ('rec_1', $tenant, 'n', 'A', 'v', 60, 0)",
  )
  insert(
    "INSERT INTO effects (id, run_id, step, subject, provider, verb, key, summary, outcome, requested_at, finished_at) VALUES ('eff_1', $run, 'point-dns', $tenant, 'route53', 'v', 'k', '{}', 'refused', 0, 1)",
  )
  insert("INSERT INTO run_logs (run_id, position, at, step, line) VALUES ($run, 0, 0, 'start-app', 'x')")
  insert(
    "INSERT INTO inbox (source, event_id, type, object_id, status, available_at, occurred_at, received_at) VALUES ('stripe', 'evt_1', 't', 'o', 'failed', 0, 0, 0)",
  )
  insert(
    `INSERT INTO releases (id, blueprint, tag, notes, migration, backup, images, created_by, created_at) VALUES ('rel_1', 'virtues', 't', 'n', 'expand', 1, '[]', 'x', 0)`,
  )
  const strategy = { concurrency: 1, bakeMinutes: 1, stopAt: 1, waveCount: 1, deployMs: 1 }
  insert(
    `INSERT INTO rollouts (id, blueprint, release_id, status, strategy, reason, created_by, created_at) VALUES ('rol_1', 'virtues', 'rel_1', 'running', '${JSON.stringify(strategy)}', 'r', 'x', 0)`,
  )
  insert(
    "INSERT INTO rollout_targets (rollout_id, tenant_id, wave, position, state, former_release, run_id, failed_part, reason, updated_at) VALUES ('rol_1', $tenant, 0, 0, 'failed', 'f', $run, 'p', 'r', 0)",
  )
  insert("INSERT INTO tenant_tags (tag, tenant_id) VALUES ('t', $tenant)")
  insert("UPDATE tenants SET wanted_release_id = 'rel_1', release_since = 1")
  insert("UPDATE outbox SET status = 'failed' WHERE kind <> 'login-link'")
  insert("UPDATE steps SET status = 'failed' WHERE position = 3")
  insert("UPDATE runs SET status = 'failed', finished_at = 5")
  insert("UPDATE tenants SET status = 'failed'")
  insert("UPDATE signups SET status = 'failed' WHERE status = 'provisioning'")
}

/** Columns that must differ from row to row end with the row's id. */
function filling(table: string, column: string): string {
  if (table === 'inbox' && column === 'event_id') return '?1 || object_id'
  const isUnique = column.startsWith('stripe_') || (table === 'servers' && column === 'external_id')
  return isUnique ? '?1 || id' : '?1'
}

/** The built-in blueprint as a shop would have it that may say what it likes about itself. */
function catalogSaying(words: string): Catalog {
  const builtin = builtinBlueprints.map((source) => {
    const blueprint = parse(source.blueprint) as {
      shop: Record<string, unknown>
      plans: Record<string, unknown>[]
    }
    Object.assign(blueprint.shop, { name: words, tagline: words, description: words, features: [words] })
    for (const plan of blueprint.plans)
      Object.assign(plan, { name: words, summary: words, features: [words] })
    return { ...source, blueprint: stringify(blueprint) }
  })
  return loadCatalog({ builtin, env: openStage().services.env })
}
