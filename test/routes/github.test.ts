import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { GithubSource } from '../../src/catalog/deploy'
import { counters, inbox, rollouts } from '../../src/db/schema'
import { notFound } from '../../src/errors'
import { inboxLane } from '../../src/inbox/inbox'
import { getRelease } from '../../src/releases/release'
import { rollBack } from '../../src/rollouts/verbs'
import { Worker } from '../../src/runs/worker'
import { Fleet } from '../rollouts/fleet'
import { GITHUB_SECRET } from '../stage'

let fleet: Fleet
beforeEach(async () => {
  fleet = await Fleet.open(2)
  listensTo({ repository: 'example/virtues', branch: null, tags: true })
})
afterEach(() => fleet.close())

const COMMIT = 'c0ffee'.repeat(7).slice(0, 40)
const pushOf = (change: Record<string, unknown> = {}) =>
  JSON.stringify({
    ref: 'refs/tags/v43',
    before: '0'.repeat(40),
    after: COMMIT,
    created: true,
    deleted: false,
    repository: { id: 1, full_name: 'example/virtues' },
    head_commit: { id: COMMIT, message: 'Search faster\n\nAtlas-Migration: expand\n' },
    ...change,
  })

function listensTo(github: GithubSource | null): void {
  Object.assign(fleet.services.catalog.front.deploy, { github })
}

const signatureOf = (body: string, secret = GITHUB_SECRET) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

/** A delivery as GitHub sends it: no browser, no origin, no cookies. */
function deliver(body: string, headers: Record<string, string> = {}): Promise<Response> {
  const own = {
    host: 'shop.example.com',
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/1',
    'x-github-event': 'push',
    'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    'x-hub-signature-256': signatureOf(body),
    ...headers,
  }
  const kept = Object.entries(own).filter(([, value]) => value !== '')
  const url = 'http://shop.example.com/api/github/webhook'
  return fleet.stage.app.answer(new Request(url, { method: 'POST', body, headers: Object.fromEntries(kept) }))
}

const accepts = async (body: string, headers?: Record<string, string>) => {
  const answer = await deliver(body, headers)
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { accepted: boolean }).accepted
}
const rows = () => fleet.db.read.select().from(inbox).all()
const work = () => rows().filter(({ type }) => type === 'push')
const begun = () =>
  fleet.db.read
    .select()
    .from(rollouts)
    .all()
    .map(({ releaseId, createdBy }) => `${getRelease(fleet.db.read, releaseId).tag} by ${createdBy}`)

async function drain(): Promise<void> {
  const { db, clock, log } = fleet.services
  const lanes = [inboxLane(fleet.services, () => 0.5)] as ConstructorParameters<typeof Worker>[3]
  const worker = new Worker(db, clock, log, lanes)
  worker.start()
  await worker.settled()
  await worker.stop(0)
}

describe('a push that a blueprint means', () => {
  test('of a tag rolls the release out that its commit describes', async () => {
    expect(await accepts(pushOf())).toBe(true)
    expect(begun()).toEqual([])
    await drain()
    expect(begun()).toEqual(['v43 by github'])
    const [rollout] = fleet.db.read.select().from(rollouts).all()
    expect(getRelease(fleet.db.read, rollout?.releaseId ?? '').migration).toBe('expand')
    expect(work()).toMatchObject([{ status: 'processed', reason: null }])
  })

  test('of a branch rolls out the image of its commit', async () => {
    listensTo({ repository: 'Example/Virtues', branch: 'main', tags: false })
    expect(await accepts(pushOf())).toBe(false)
    const other = { 'x-github-delivery': 'another' }
    expect(await accepts(pushOf({ ref: 'refs/heads/main' }), other)).toBe(true)
    await drain()
    expect(begun()).toEqual([`${COMMIT} by github`])
  })

  test('counts once, however often and under whichever id it comes', async () => {
    for (const id of ['one', 'one', 'two', 'three'])
      expect(await accepts(pushOf(), { 'x-github-delivery': id })).toBe(true)
    expect(work()).toHaveLength(1)
    await drain()
    fleet.db.write((tx) => rollBack(tx, fleet.rollout.id, { actor: { id: 'test' }, nowMs: 1 }))
    await fleet.live()
    expect(await accepts(pushOf(), { 'x-github-delivery': 'replayed' })).toBe(true)
    await drain()
    expect(begun()).toHaveLength(1)
  })

  test('waits until its image is there', async () => {
    const { registry } = fleet.services
    Object.assign(fleet.services, { registry: { resolve: () => Promise.reject(notFound('No such tag.')) } })
    await accepts(pushOf())
    await drain()
    expect(work()).toMatchObject([
      { status: 'received', attempts: 1, reason: 'The registry has no image v43 yet.' },
    ])
    Object.assign(fleet.services, { registry })
    fleet.clock.advance(60_000)
    await drain()
    expect(begun()).toEqual(['v43 by github'])
  })

  test('takes the place of one that still waits, and of what that one does to the data', async () => {
    listensTo({ repository: 'example/virtues', branch: 'main', tags: false })
    const { registry } = fleet.services
    Object.assign(fleet.services, { registry: { resolve: () => Promise.reject(notFound('No such tag.')) } })
    const other = 'beef'.repeat(10)
    await accepts(pushOf({ ref: 'refs/heads/main', after: other }), { 'x-github-delivery': 'first' })
    await drain()
    const next = { ref: 'refs/heads/main', head_commit: { message: 'Atlas-Migration: none' } }
    await accepts(pushOf(next), { 'x-github-delivery': 'second' })
    Object.assign(fleet.services, { registry })
    fleet.clock.advance(60_000)
    await drain()
    expect(begun()).toEqual([`${COMMIT} by github`])
    expect(getRelease(fleet.db.read, fleet.rollout.releaseId).migration).toBe('expand')
    await fleet.live()
    fleet.clock.advance(3_600_000)
    await drain()
    expect(begun()).toHaveLength(1)
    const said = work().map(({ status, reason }) => `${status} ${reason}`)
    expect(said.sort()).toEqual(['ignored A later push has taken its place.', 'processed null'])
  })

  test.each(['is found', 'is not found'])('takes the place of one whose image %s meanwhile', async (how) => {
    listensTo({ repository: 'example/virtues', branch: 'main', tags: false })
    const { registry } = fleet.services
    const { promise, resolve, reject } = Promise.withResolvers<{ digest: string }>()
    const asked = Promise.withResolvers<void>()
    const lookUp = () => {
      asked.resolve()
      return promise
    }
    Object.assign(fleet.services, { registry: { resolve: lookUp } })
    const older = { ref: 'refs/heads/main', after: 'beef'.repeat(10) }
    await accepts(pushOf(older), { 'x-github-delivery': 'first' })
    const drained = drain()
    await asked.promise
    await accepts(pushOf({ ref: 'refs/heads/main' }), { 'x-github-delivery': 'second' })
    Object.assign(fleet.services, { registry })
    if (how === 'is found') resolve({ digest: `sha256:${'a'.repeat(64)}` })
    else reject(notFound('No such tag.'))
    await drained
    await drain()
    await fleet.live()
    fleet.clock.advance(3_600_000)
    await drain()
    expect(begun()).toEqual([`${COMMIT} by github`])
  })

  test.each([
    ['none', ['contract', 'none'], 'contract'],
    ['expand', ['none'], 'expand'],
    [null, ['reversible', 'expand'], 'expand'],
  ])('of several commits does what all of them do: %j after %j', async (head, earlier, migration) => {
    const said = (one: string | null) => ({
      message: one === null ? 'Tidy up' : `Change\n\nAtlas-Migration: ${one}`,
    })
    await accepts(pushOf({ head_commit: said(head), commits: earlier.map(said) }))
    expect(work()).toMatchObject([{ objectId: `virtues v43 ${migration}` }])
  })

  test('begins nothing twice when the process died before it was noted', async () => {
    await accepts(pushOf())
    await drain()
    fleet.db.sqlite.run("UPDATE inbox SET status = 'received' WHERE type = 'push'")
    await drain()
    expect([begun().length, work()[0]?.status]).toEqual([1, 'processed'])
  })

  test.each([
    [
      'nobody says what it does to the data',
      { ref: 'refs/tags/v99', head_commit: { message: 'Search faster' } },
      'Must say what it does to the data',
    ],
    [
      'there is no way back',
      { head_commit: { message: 'Atlas-Migration: contract' } },
      'no way back from v43',
    ],
    ['its tag is none of an image', { ref: 'refs/tags/app/v43' }, 'Must be the tag of an image'],
  ])('is told to the operator when %s', async (_, change, reason) => {
    await accepts(pushOf(change))
    await drain()
    expect(begun()).toEqual([])
    expect(work()).toMatchObject([{ status: 'failed', reason: expect.stringContaining(reason) }])
    const operator = await fleet.stage.operator()
    expect(await (await operator.get('/admin')).text()).toContain('Push of virtues')
  })
})

describe('what is not meant is 200 and begins nothing:', () => {
  test.each([
    ['another repository', pushOf({ repository: { full_name: 'example/other' } }), {}],
    ['another branch', pushOf({ ref: 'refs/heads/feature' }), {}],
    ['a tag that is deleted', pushOf({ deleted: true }), {}],
    ['another event', pushOf(), { 'x-github-event': 'create' }],
    ['a ping', JSON.stringify({ zen: 'Keep it logically awesome.' }), { 'x-github-event': 'ping' }],
    ['a push without a ref', pushOf({ ref: null }), {}],
    ['a push without a repository', pushOf({ repository: null }), {}],
    ['a push of no object', '[]', {}],
  ])('%s', async (_, body, headers) => {
    expect(await accepts(body, headers)).toBe(false)
    await drain()
    expect([begun(), work()]).toEqual([[], []])
    expect(rows()).toMatchObject([{ source: 'github', status: 'ignored' }])
  })

  test('any push, when the blueprint says nothing of GitHub', async () => {
    listensTo(null)
    expect(await accepts(pushOf())).toBe(false)
  })
})

describe('a webhook that does not verify', () => {
  const BODY = pushOf()
  test.each([
    ['has no signature', { 'x-hub-signature-256': '' }],
    ['has one of another secret', { 'x-hub-signature-256': signatureOf(BODY, 'another') }],
    ['has one of another body', { 'x-hub-signature-256': signatureOf(`${BODY} `) }],
    ['has half of one', { 'x-hub-signature-256': signatureOf(BODY).slice(0, 40) }],
    ['has one in capitals', { 'x-hub-signature-256': signatureOf(BODY).toUpperCase() }],
    ['has only the old kind', { 'x-hub-signature-256': '', 'x-hub-signature': 'sha1=00' }],
    ['has no id', { 'x-github-delivery': '' }],
    ['has an id that is none', { 'x-github-delivery': 'a/../b' }],
  ])('because it %s is 400 and leaves a count, no row', async (_, headers) => {
    const answer = await deliver(BODY, headers)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({
      error: { code: 'invalid', message: 'The webhook does not verify.' },
    })
    expect(rows()).toEqual([])
    expect(fleet.db.read.select().from(counters).all()).toMatchObject([
      { name: 'github_webhooks_refused', value: 1 },
    ])
  })

  test('is not listened to at all without a secret', async () => {
    Object.assign(fleet.services.settings, { githubSecret: null })
    expect((await deliver(BODY)).status).toBe(404)
  })

  test('is told when it is signed but no JSON', async () => {
    expect((await deliver('payload=%7B%7D')).status).toBe(415)
  })

  test('is not read beyond five megabytes', async () => {
    expect((await deliver(pushOf({ padding: 'x'.repeat(5 * 1024 * 1024) }))).status).toBe(413)
  })
})
