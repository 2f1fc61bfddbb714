import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Catalog } from '../catalog/catalog'
import type { Migration } from '../catalog/deploy'
import { imagesOfRelease } from '../catalog/images'
import type { Reader, Tx } from '../db/open'
import type { Page, PageWanted } from '../db/page'
import { releases, rollouts } from '../db/schema'
import { conflict, invalid, notFound } from '../errors'
import { newId } from '../ids'
import type { PinnedImage, PinnedRelease } from '../provisioning/deploy-input'
import type { Services } from '../services'

export type ReleaseRow = typeof releases.$inferSelect

/** What a person or a program says of a release; releases.yaml answers for what is absent. */
export type ReleaseAsked = {
  blueprint: string
  tag: string
  notes?: string
  migration?: Migration
  /** Whether each tenant is copied before it gets this release. */
  backup?: boolean
  actor: Actor
}

const MIGRATIONS: readonly string[] = ['none', 'reversible', 'expand', 'contract'] satisfies Migration[]
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/

/**
 * Finds a release by its tag, or looks up once which images the tag stands for now; from then on it is the same for
 * ever. Throws `invalid` for what is missing or malformed, `conflict` when it is known as something else than what is
 * said of it, and what the registry refuses.
 */
export async function createRelease(services: Services, asked: ReleaseAsked): Promise<ReleaseRow> {
  const { db, clock, catalog, registry, env } = services
  const blueprint = catalog.blueprint(asked.blueprint)
  const said = readAsked(asked, blueprint.releases)
  const known = findRelease(db.read, blueprint.name, asked.tag)
  if (known) return mustBe(known, asked)
  const facts = complete(said)
  const images = imagesOfRelease(blueprint, asked.tag, env)
  if (images.length === 0)
    throw conflict('No image in compose.yaml depends on RELEASE, so this blueprint has no releases.')
  const pinned = await Promise.all(
    images.map(async ({ image, ref }): Promise<PinnedImage> => {
      const { digest } = await registry.resolve(ref)
      return { image, digest }
    }),
  )
  return db.write((tx) => {
    // Somebody else may have looked it up at the same time.
    const known = findRelease(tx, blueprint.name, asked.tag)
    return known ? mustBe(known, asked) : insert(tx, { ...asked, ...facts, pinned }, clock.now())
  })
}

/** A release by its id. Throws `not_found`. */
export function getRelease(db: Reader, releaseId: string): ReleaseRow {
  const release = db.select().from(releases).where(eq(releases.id, releaseId)).get()
  if (!release) throw notFound('There is no such release.')
  return release
}

function findRelease(db: Reader, blueprint: string, tag: string): ReleaseRow | undefined {
  const named = and(eq(releases.blueprint, blueprint), eq(releases.tag, tag))
  return db.select().from(releases).where(named).get()
}

/** The releases of a blueprint, newest first. */
export function listReleases(db: Reader, blueprint: string, page: PageWanted): Page<ReleaseRow> {
  const mine = eq(releases.blueprint, blueprint)
  const rows = db
    .select()
    .from(releases)
    .where(mine)
    .orderBy(desc(releases.createdAt), desc(releases.id))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
  const total = db.select({ n: sql<number>`count(*)` }).from(releases).where(mine).get()?.n ?? 0
  return { rows, ...page, total }
}

/** Its images with their digests. */
export function imagesOf({ images }: Pick<ReleaseRow, 'images'>): PinnedImage[] {
  return JSON.parse(images) as PinnedImage[]
}

/** A release as a server is told of it; without an id all that is known is the tag. */
export function pinned(db: Reader, releaseId: string | null, tag: string): PinnedRelease {
  return { release: tag, images: releaseId ? imagesOf(getRelease(db, releaseId)) : [] }
}

/** What a new tenant begins with: what the whole fleet was brought to last, otherwise what the blueprint says. */
export function firstRelease(
  db: Reader,
  catalog: Pick<Catalog, 'blueprint'>,
  blueprint: string,
): { release: string; releaseId: string | null } {
  const done = and(eq(rollouts.blueprint, blueprint), inArray(rollouts.status, ['succeeded']))
  const last = db
    .select({ release: releases.tag, releaseId: releases.id })
    .from(rollouts)
    .innerJoin(releases, eq(releases.id, rollouts.releaseId))
    .where(done)
    .orderBy(desc(rollouts.createdAt), desc(rollouts.id))
    .limit(1)
    .get()
  if (last) return last
  const tag = catalog.blueprint(blueprint).release
  return { release: tag, releaseId: findRelease(db, blueprint, tag)?.id ?? null }
}

type Said = { notes: string; migration?: Migration; backup?: boolean }

function readAsked(
  { tag, notes, migration, backup }: ReleaseAsked,
  notesOfBlueprint: readonly ({ tag: string } & Required<Said>)[],
): Said {
  const fields: Record<string, string> = {}
  if (!TAG.test(tag)) fields.tag = 'Must be the tag of an image, such as v43.'
  if (notes && notes.length > 2000) fields.notes = 'Must not be longer than 2000 characters.'
  if (migration !== undefined && !MIGRATIONS.includes(migration)) fields.migration = MIGRATION_WORDS
  if (Object.keys(fields).length > 0) throw invalid('Some fields need another look.', fields)
  const noted = notesOfBlueprint.find((note) => note.tag === tag)
  // What somebody says anew of the migration leaves nothing of what was noted of its backup.
  const notedBackup = migration === undefined || migration === noted?.migration ? noted?.backup : undefined
  return {
    notes: notes || noted?.notes || '',
    migration: migration ?? noted?.migration,
    backup: backup ?? notedBackup,
  }
}

const MIGRATION_WORDS =
  'Must say what it does to the data: none, reversible, expand (the former release lives with it) or contract (there is no way back).'

function complete({ notes, migration, backup }: Said): Required<Said> {
  if (migration === undefined) throw invalid('Some fields need another look.', { migration: MIGRATION_WORDS })
  return { notes, migration, backup: backup ?? migration === 'contract' }
}

/** A release is what it was when it was first heard of. */
function mustBe(known: ReleaseRow, { migration, backup }: ReleaseAsked): ReleaseRow {
  const isAsSaid =
    (migration === undefined || migration === known.migration) &&
    (backup === undefined || backup === known.backup)
  if (isAsSaid) return known
  throw conflict('This release is known already, with another migration or backup. Give it another tag.')
}

function insert(
  tx: Tx,
  { blueprint, tag, notes, migration, backup, pinned, actor }: ReleaseAsked & Required<Said> & Pinned,
  nowMs: number,
): ReleaseRow {
  const release = { id: newId('rel', nowMs), blueprint, tag, notes, migration, backup }
  const detail = { blueprint, tag, migration, backup }
  audit(tx, nowMs, { actor, action: 'release.created', subject: release.id, detail })
  return tx
    .insert(releases)
    .values({ ...release, images: JSON.stringify(pinned), createdBy: actor.id, createdAt: nowMs })
    .returning()
    .get()
}

type Pinned = { pinned: PinnedImage[] }
