import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { auditEvents, releases, rollouts, runs, tenants } from '../../src/db/schema'
import { notFound } from '../../src/errors'
import type { ImageRef } from '../../src/providers/registry'
import { createRelease, keepRelease, lookUpRelease, type ReleaseAsked } from '../../src/releases/find'
import { livedWith, wayTo } from '../../src/releases/lineage'
import { firstRelease, getRelease, imagesOf, listReleases, pinned } from '../../src/releases/release'
import { openStage, type Stage } from '../stage'

const NEWEST = { blueprint: 'virtues', q: '', data: '', sort: 'created', dir: 'desc' } as const
const DIGEST = `sha256:${'a'.repeat(64)}`

let stage: Stage
let asked: ImageRef[]
beforeEach(() => {
  asked = []
  const registry = {
    resolve: async (image: ImageRef) => {
      asked.push(image)
      if (image.tag === 'gone') throw notFound('There is no such image.')
      return { digest: DIGEST }
    },
  }
  stage = openStage({ services: { registry } })
})
afterEach(() => stage.close())

const create = (change: Partial<ReleaseAsked> = {}) =>
  createRelease(stage.services, {
    blueprint: 'virtues',
    tag: 'v43',
    migration: 'none',
    actor: { id: 'ada' },
    ...change,
  })

const lookUp = (change: Partial<ReleaseAsked> = {}) =>
  lookUpRelease(stage.services, {
    blueprint: 'virtues',
    tag: 'v43',
    migration: 'none',
    actor: { id: 'ada' },
    ...change,
  })

describe('a release', () => {
  test('is looked up once, and is the same for ever', async () => {
    const release = await create({ notes: 'Faster.' })
    expect(release).toMatchObject({ tag: 'v43', notes: 'Faster.', migration: 'none', backup: false })
    expect(imagesOf(release)).toEqual([{ image: 'ghcr.io/example/virtues:v43', digest: DIGEST }])
    expect(asked).toEqual([{ host: 'ghcr.io', repository: 'example/virtues', tag: 'v43' }])
    expect(await create({ notes: 'Slower.' })).toEqual(release)
    expect(asked).toHaveLength(1)
    expect(getRelease(stage.services.db.read, release.id)).toEqual(release)
  })

  test('has an entry in the audit log', async () => {
    const { id } = await create()
    const events = stage.services.db.read.select().from(auditEvents).where(eq(auditEvents.subject, id)).all()
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ actor: 'ada', action: 'release.created' })
  })

  test('is what releases.yaml says when nobody says otherwise', async () => {
    expect(await create({ tag: 'v42', migration: undefined })).toMatchObject({
      notes: 'The first release for customers.',
      migration: 'none',
    })
  })

  test('without a way back asks for a backup, unless somebody says otherwise', async () => {
    expect((await create({ migration: 'contract' })).backup).toBe(true)
    expect((await create({ tag: 'v44', migration: 'contract', backup: false })).backup).toBe(false)
    expect((await create({ tag: 'v45', migration: 'expand' })).backup).toBe(false)
  })

  test('is made once when two ask for it at the same time', async () => {
    const [one, other] = await Promise.all([create(), create()])
    expect(one.id).toBe(other.id)
  })

  test('that was only looked up leaves nothing behind: not its place, nor its images', async () => {
    const { db } = stage.services
    const seen = await lookUp({ tag: 'v44' })
    expect(seen).toMatchObject({ tag: 'v44', migration: 'none', createdBy: 'ada' })
    expect(db.read.select().from(releases).all()).toEqual([])
    expect(db.read.select().from(auditEvents).all()).toEqual([])
    stage.clock.advance(1_000)
    const v43 = await create({ migration: 'contract' })
    stage.clock.advance(1_000)
    const given = db.write((tx) => keepRelease(tx, seen, { id: 'grace' }, stage.clock.now()))
    expect(given).toMatchObject({ createdBy: 'grace', createdAt: stage.clock.now() })
    expect(wayTo(db.read, given, v43.id)).toBe('forward')
    await lookUp({ tag: 'v45' })
    await lookUp({ tag: 'v45' })
    expect(asked.map(({ tag }) => tag)).toEqual(['v44', 'v43', 'v45', 'v45'])
  })

  test('is what the first of two who say something else of it has been given', async () => {
    const { db } = stage.services
    const [one, other] = await Promise.all([lookUp({ migration: 'contract' }), lookUp()])
    const keep = (release: typeof one) =>
      db.write((tx) => keepRelease(tx, release, { id: 'ada' }, stage.clock.now()))
    const { id } = keep(one)
    insertRollout(id)
    expect(() => keep(other)).toThrow('This release is in use already')
    expect(getRelease(db.read, id).migration).toBe('contract')
  })

  test('that nobody has got yet is what is said of it next', async () => {
    const first = await create({ migration: 'contract', backup: false })
    stage.clock.advance(1_000)
    const said = await create({ migration: 'expand' })
    expect(said).toMatchObject({ id: first.id, migration: 'expand', backup: false, images: first.images })
    expect(await create({ migration: undefined })).toEqual(said)
    expect((await create({ migration: 'contract' })).backup).toBe(true)
    expect(asked).toHaveLength(1)
  })

  test('stands in the list, newest first', async () => {
    for (const tag of ['v43', 'v44', 'v45']) {
      await create({ tag })
      stage.clock.advance(1_000)
    }
    const page = listReleases(stage.services.db.read, NEWEST, { number: 1, size: 2 })
    expect(page.total).toBe(3)
    expect(page.rows.map(({ tag }) => tag)).toEqual(['v45', 'v44'])
  })

  test('is known to servers by its digests, one that was never looked up by its tag', async () => {
    const { id } = await create()
    const { read } = stage.services.db
    expect(pinned(read, id, 'v43')).toEqual({
      release: 'v43',
      images: [{ image: 'ghcr.io/example/virtues:v43', digest: DIGEST }],
    })
    expect(pinned(read, null, 'v1')).toEqual({ release: 'v1', images: [] })
  })
})

const giveToTenant = async (change: Partial<typeof tenants.$inferInsert>) => {
  await stage.tenant('ada')
  stage.services.db.write((tx) => tx.update(tenants).set(change).run())
}
const insertRollout = (releaseId: string) =>
  stage.services.db.write((tx) =>
    tx
      .insert(rollouts)
      .values({
        id: 'rol_1',
        blueprint: 'virtues',
        releaseId,
        createdBy: 'ada',
        status: 'aborted',
        strategy: '{}',
        createdAt: 1,
      })
      .run(),
  )
const insertDeploy = async (releaseId: string) => {
  await stage.tenant('ada')
  const change = { kind: 'deploy', input: JSON.stringify({ releaseId }), createdAt: stage.clock.now() }
  stage.services.db.write((tx) => tx.update(runs).set(change).run())
}

describe('a release is refused', () => {
  test('when nobody says what it does to the data', async () => {
    await expect(create({ tag: 'v99', migration: undefined })).rejects.toMatchObject({
      code: 'invalid',
      fields: { migration: expect.stringContaining('contract (there is no way back)') },
    })
    expect(asked).toEqual([])
  })

  test('when its tag is none, or could be something else on a server', async () => {
    for (const tag of ['', '-v43', 'v43 --rm', 'v43\n', '../v43', `v${'4'.repeat(128)}`, 'v43;reboot'])
      await expect(create({ tag })).rejects.toMatchObject({ fields: { tag: expect.any(String) } })
    expect(asked).toEqual([])
  })

  test.each([
    ['is rolled out', async (id: string) => insertRollout(id)],
    ['runs somewhere', async (id: string) => giveToTenant({ releaseId: id })],
    ['is to run somewhere', async (id: string) => giveToTenant({ wantedReleaseId: id })],
    ['was begun somewhere', async (id: string) => insertDeploy(id)],
  ])('when it %s as something else', async (_, use) => {
    await use((await create({ migration: 'expand' })).id)
    await expect(create({ migration: 'contract' })).rejects.toThrow('Give it another tag.')
    await expect(create({ migration: undefined, backup: true })).rejects.toThrow('Give it another tag.')
    expect((await create({ migration: undefined })).migration).toBe('expand')
  })

  test('when it has changed data for good, for all who were brought past it', async () => {
    const { id } = await create({ migration: 'contract' })
    stage.clock.advance(1_000)
    insertRollout((await create({ tag: 'v44' })).id)
    await expect(create({ migration: 'none' })).rejects.toThrow('Give it another tag.')
    expect(livedWith(stage.services.db.read, (await create({ tag: 'v44' })).id)).toEqual(['v43'])
    expect(getRelease(stage.services.db.read, id).migration).toBe('contract')
  })

  test('when it had not changed data for good as others were brought past it', async () => {
    const { id } = await create({ migration: 'none' })
    stage.clock.advance(1_000)
    const later = await create({ tag: 'v44' })
    insertRollout(later.id)
    await expect(create({ migration: 'contract' })).rejects.toThrow('Give it another tag.')
    expect(livedWith(stage.services.db.read, later.id)).toEqual([])
    expect((await create({ migration: 'expand' })).id).toBe(id)
  })

  test('when the registry has no such image, and is not kept', async () => {
    await expect(create({ tag: 'gone' })).rejects.toThrow('There is no such image.')
    expect(listReleases(stage.services.db.read, NEWEST, { number: 1, size: 10 }).total).toBe(0)
  })

  test('when its tag stands for another image than somebody has looked at', async () => {
    const digests = [`sha256:${'b'.repeat(64)}`]
    await expect(create({ digests })).rejects.toThrow('another image than when you looked')
    expect(stage.services.db.read.select().from(releases).all()).toEqual([])
    await expect(create({ digests: [] })).rejects.toThrow('Look again.')
    expect(await create({ digests: [DIGEST] })).toMatchObject({ tag: 'v43' })
    await expect(create({ digests })).rejects.toThrow('Look again.')
  })

  test('when its blueprint is not known', async () => {
    await expect(create({ blueprint: 'nothing' })).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('a new tenant', () => {
  test('begins with what the blueprint says, by its digest once that is known', async () => {
    const { services } = stage
    const first = () => firstRelease(services.db.read, services.catalog, 'virtues')
    expect(first()).toEqual({ release: 'v42', releaseId: null })
    const { id } = await create({ tag: 'v42' })
    expect(first()).toEqual({ release: 'v42', releaseId: id })
  })
})
