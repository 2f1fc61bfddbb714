import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Catalog } from '../catalog/catalog'
import type { Migration } from '../catalog/deploy'
import { imagesOfRelease } from '../catalog/images'
import type { Reader, Tx } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { releases, rollouts } from '../db/schema'
import { conflict, notFound } from '../errors'
import { newId } from '../ids'
import type { Services } from '../services'
import { complete, readAsked, type Said } from './said'
import { isInUse } from './use'

export type ReleaseRow = typeof releases.$inferSelect

/** One image of a release: as compose.yaml spells it with the tag filled in, and what the tag stood for once. */
type PinnedImage = { image: string; digest: string }

/** A release by its tag. Without images (the tag was never resolved) the server takes what it has under the tag. */
export type PinnedRelease = { release: string; images: PinnedImage[] }

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

/**
 * Finds a release by its tag, or looks up once which images the tag stands for now; those are the same for ever. What it
 * does to the data is what is said last before somebody gets it: whoever has only looked decides nothing. Throws
 * `invalid` for what is missing or malformed, `conflict` when it is in use as something else than what is said of it,
 * and what the registry refuses.
 */
export async function createRelease(services: Services, asked: ReleaseAsked): Promise<ReleaseRow> {
  const { db, clock, catalog, registry, env } = services
  const blueprint = catalog.blueprint(asked.blueprint)
  const said = readAsked(asked, blueprint.releases)
  const meet = (tx: Tx, known: ReleaseRow) => heardAgain(tx, known, { ...asked, ...said }, clock.now())
  const known = findRelease(db.read, blueprint.name, asked.tag)
  if (known) return db.write((tx) => meet(tx, known))
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
    return known ? meet(tx, known) : insert(tx, { ...asked, ...facts, pinned }, clock.now())
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

/** What the list can be sorted by. */
export const RELEASE_SORTS = { tag: releases.tag, data: releases.migration, created: releases.createdAt }

export type ReleaseFilter = { blueprint: string; q: string; data: ReleaseRow['migration'] | '' } & Order<
  keyof typeof RELEASE_SORTS
>

/** Releases of a blueprint that match a filter; `q` is looked for in tags and notes. */
export function listReleases(db: Reader, filter: ReleaseFilter, page: PageWanted): Page<ReleaseRow> {
  const { blueprint, q, data } = filter
  const pattern = containing(q)
  const where = and(
    eq(releases.blueprint, blueprint),
    data ? eq(releases.migration, data) : undefined,
    q
      ? sql`(${releases.tag} LIKE ${pattern} ESCAPE '\\' OR ${releases.notes} LIKE ${pattern} ESCAPE '\\')`
      : undefined,
  )
  const rows = db
    .select()
    .from(releases)
    .where(where)
    .orderBy(...inOrder(RELEASE_SORTS, filter, releases.id))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
  const total = db.select({ n: sql<number>`count(*)` }).from(releases).where(where).get()?.n ?? 0
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

/** One that nobody has got yet becomes what is said of it now; any other is what it was. */
function heardAgain(tx: Tx, known: ReleaseRow, asked: ReleaseAsked, nowMs: number): ReleaseRow {
  const { migration = known.migration, actor } = asked
  // Another migration leaves nothing of what was said of its backup.
  const { backup = migration === known.migration ? known.backup : migration === 'contract' } = asked
  const isAsSaid = migration === known.migration && backup === known.backup
  if (isAsSaid) return known
  const change = { migration, backup }
  if ([known, { ...known, ...change }].some((one) => isInUse(tx, one)))
    throw conflict('This release is in use already, with another migration or backup. Give it another tag.')
  const detail = { blueprint: known.blueprint, tag: known.tag, ...change }
  audit(tx, nowMs, { actor, action: 'release.changed', subject: known.id, detail })
  return tx.update(releases).set(change).where(eq(releases.id, known.id)).returning().get() ?? known
}

/** Throws `conflict` when somebody else has said something else of a release since it was looked up. */
export function confirmRelease(tx: Tx, { id, migration, backup }: ReleaseRow): void {
  const now = getRelease(tx, id)
  if (now.migration === migration && now.backup === backup) return
  throw conflict(
    'Somebody has just said of this release that its migration or backup is another. Look again.',
  )
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
