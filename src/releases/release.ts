import { and, desc, eq, inArray, sql } from 'drizzle-orm'
import type { Catalog } from '../catalog/catalog'
import type { Reader } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { releases, rollouts } from '../db/schema'
import { notFound } from '../errors'

export type ReleaseRow = typeof releases.$inferSelect

/** One image of a release: as compose.yaml spells it with the tag filled in, and what the tag stood for once. */
export type PinnedImage = { image: string; digest: string }

/** A release by its tag. Without images (the tag was never resolved) the server takes what it has under the tag. */
export type PinnedRelease = { release: string; images: PinnedImage[] }

/** A release by its id. Throws `not_found`. */
export function getRelease(db: Reader, releaseId: string): ReleaseRow {
  const release = db.select().from(releases).where(eq(releases.id, releaseId)).get()
  if (!release) throw notFound('There is no such release.')
  return release
}

/** A release by its tag, once somebody has been given it. */
export function findRelease(db: Reader, blueprint: string, tag: string): ReleaseRow | undefined {
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

/** What its images are, in their order. */
export function digestsOf(release: Pick<ReleaseRow, 'images'>): string[] {
  return imagesOf(release).map(({ digest }) => digest)
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
