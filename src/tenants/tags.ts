import { asc, eq, inArray } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Reader, Tx } from '../db/open'
import { tenantTags } from '../db/schema'
import { invalid } from '../errors'
import { getTenant } from './tenant'

const TAG = /^[a-z0-9][a-z0-9_-]{0,31}$/
const TAGS_MAX = 20

/** Gives a tenant these tags and no others. Throws `invalid` for what is no tag, `not_found`. */
export function tagTenant(tx: Tx, tenantId: string, tags: readonly string[], actor: Actor, nowMs: number) {
  const wanted = [...new Set(tags)].sort()
  if (wanted.length > TAGS_MAX || !wanted.every((tag) => TAG.test(tag)))
    throw invalid('Some fields need another look.', {
      tags: `Must be at most ${TAGS_MAX} words of small letters, digits, - and _.`,
    })
  const { id } = getTenant(tx, tenantId)
  tx.delete(tenantTags).where(eq(tenantTags.tenantId, id)).run()
  if (wanted.length > 0)
    tx.insert(tenantTags)
      .values(wanted.map((tag) => ({ tag, tenantId: id })))
      .run()
  audit(tx, nowMs, { actor, action: 'tenant.tagged', subject: id, detail: { tags: wanted.join(' ') } })
}

/** A tenant's tags, in the order of the alphabet. */
export function tagsOf(db: Reader, tenantId: string): string[] {
  const mine = eq(tenantTags.tenantId, tenantId)
  const rows = db.select().from(tenantTags).where(mine).orderBy(asc(tenantTags.tag)).all()
  return rows.map(({ tag }) => tag)
}

/** The ids of the tenants that have one of these tags. */
export function tenantsTagged(db: Reader, tags: readonly string[]): Set<string> {
  const rows = db
    .select({ id: tenantTags.tenantId })
    .from(tenantTags)
    .where(inArray(tenantTags.tag, [...tags]))
    .all()
  return new Set(rows.map(({ id }) => id))
}
