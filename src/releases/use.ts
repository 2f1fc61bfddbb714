import { and, eq, gt, gte, or, sql } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { releases, rollouts, runs, tenants } from '../db/schema'
import type { ReleaseRow } from './release'

/**
 * Whether a release has been given to anybody, or begun to be. One that changes data for good is in use also when a
 * later one is: whoever was brought past it counts as changed by it. So it must be asked with either migration before one
 * takes the place of another.
 */
export function isInUse(db: Reader, { id, blueprint, migration, createdAt }: ReleaseRow): boolean {
  const isLater = and(eq(releases.blueprint, blueprint), gt(releases.createdAt, createdAt))
  const isMeant = migration === 'contract' ? or(eq(releases.id, id), isLater) : eq(releases.id, id)
  const isRolledOut = sql`EXISTS (SELECT 1 FROM ${rollouts} WHERE ${rollouts.releaseId} = ${releases.id})`
  const isHad = sql`EXISTS (SELECT 1 FROM ${tenants} WHERE ${tenants.releaseId} = ${releases.id})`
  const isWanted = sql`EXISTS (SELECT 1 FROM ${tenants} WHERE ${tenants.wantedReleaseId} = ${releases.id})`
  const isDeploy = and(eq(runs.kind, 'deploy'), gte(runs.createdAt, createdAt))
  const isBegun = sql`EXISTS (SELECT 1 FROM ${runs} WHERE ${isDeploy} AND ${runs.input} ->> '$.releaseId' = ${releases.id})`
  const found = db
    .select({ id: releases.id })
    .from(releases)
    .where(and(isMeant, or(isRolledOut, isHad, isWanted, isBegun)))
  return found.limit(1).get() !== undefined
}
