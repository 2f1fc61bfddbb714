import { and, asc, eq, gt, lte } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { releases } from '../db/schema'
import { getRelease, type ReleaseRow } from './release'

/**
 * The releases whose migrations a tenant goes through from a former release to another: those that became known after
 * the one, up to the other. Whoever runs what was never looked up may go through all there are.
 */
export function passedReleases(db: Reader, formerId: string | null, release: ReleaseRow): ReleaseRow[] {
  const since = formerId ? getRelease(db, formerId).createdAt : 0
  const between = and(
    eq(releases.blueprint, release.blueprint),
    gt(releases.createdAt, since),
    lte(releases.createdAt, release.createdAt),
  )
  const passed = db.select().from(releases).where(between).orderBy(asc(releases.createdAt)).all()
  return passed.some(({ id }) => id === release.id) ? passed : [...passed, release]
}

/** The first of these releases from which no earlier one lives with the data, if there is one. */
export function oneWay(passed: readonly ReleaseRow[]): ReleaseRow | undefined {
  return passed.find(({ migration }) => migration === 'contract')
}

/** The tags of the releases that change data for good, as far as a release comes after them: it lives with what they did. */
export function livedWith(db: Reader, releaseId: string | null): string[] {
  if (!releaseId) return []
  const { blueprint, createdAt } = getRelease(db, releaseId)
  const known = and(eq(releases.blueprint, blueprint), lte(releases.createdAt, createdAt))
  const oneWay = db
    .select({ tag: releases.tag })
    .from(releases)
    .where(and(known, eq(releases.migration, 'contract')))
  return oneWay.all().map(({ tag }) => tag)
}

/** Why a tenant that has gone through a release of one way can't go back, and what it can do, in two sentences. */
export function noWayBackFrom({ tag }: Pick<ReleaseRow, 'tag'>): string {
  return `There is no way back from ${tag}: the releases before it can’t live with its data. Restore a backup from before it instead.`
}

/** Whether a tenant is copied before it goes through these releases. */
export function wantsBackup(passed: readonly ReleaseRow[]): boolean {
  return passed.some(({ backup }) => backup)
}

/** An older release is one to go back to: it has nothing to migrate. */
export function wayTo(
  db: Reader,
  wanted: Pick<ReleaseRow, 'createdAt'>,
  currentId: string | null,
): 'forward' | 'back' {
  if (!currentId) return 'forward'
  return wanted.createdAt < getRelease(db, currentId).createdAt ? 'back' : 'forward'
}
