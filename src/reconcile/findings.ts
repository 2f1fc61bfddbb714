import { and, asc, count, eq, inArray, or, type SQL, sql, sum } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Money } from '../billing/money'
import type { Reader, Tx } from '../db/open'
import { containing, inOrder, type Order, type Page, type PageWanted } from '../db/page'
import { inserting, prepared, updating } from '../db/prepared'
import { findings } from '../db/schema'
import { conflict, notFound } from '../errors'
import { newId, type Random } from '../ids'
import { COSTING, type Difference, type Facts, KINDS, type Kind } from './difference'
import { type RemedyName, remedyOf } from './remedy'

export type FindingRow = typeof findings.$inferSelect
export type FindingStatus = FindingRow['status']

/** How far two sightings must be apart before anything is deleted for them. */
const CONFIRMED_AFTER_MS = 50 * 60_000
const SIGHTINGS_MIN = 2

/** Who resolved a finding that was simply not seen any more. */
export const BY_ITSELF = 'itself'

const standing = prepared((db) =>
  db
    .select({ id: findings.id, sightings: findings.sightings })
    .from(findings)
    // In the words of the index that there is for it.
    .where(sql`${findings.key} = ${sql.placeholder('key')} AND ${findings.status} <> 'resolved'`)
    .prepare(),
)
const addFinding = inserting(findings)
const changeFinding = updating(findings, 'id')

/** Writes down what a look has found: what is new is added, what is known is counted. One that is ignored stays so. */
export function noteSeen(tx: Tx, differences: readonly Difference[], nowMs: number, random: Random): void {
  for (const found of differences) {
    const known = standing(tx).get({ key: found.key })
    if (!known) addFinding(tx, newFinding(found, nowMs, random))
    else {
      const seen = { ...factsOf(found), sightings: known.sightings + 1, lastSeenAt: nowMs }
      changeFinding(tx, { id: known.id }, seen)
    }
  }
}

const resolveOthers = prepared((tx: Tx) => {
  const [seenAt, unlooked] = [sql.placeholder('seenAtMs'), sql.placeholder('unlooked')]
  const isUnlooked = sql`${findings.kind} IN (SELECT value FROM json_each(${unlooked}))`
  return tx
    .update(findings)
    .set({ ...resolution(BY_ITSELF, 0), resolvedAt: sql`${seenAt}` })
    .where(
      sql`${findings.status} <> 'resolved' AND ${findings.lastSeenAt} <> ${seenAt} AND NOT ${isUnlooked}`,
    )
    .prepare()
})

/** Resolves the findings that a look at `seenAtMs` has not seen any more, but for kinds that it could not look for. */
export function resolveUnseen(tx: Tx, unlooked: readonly Kind[], seenAtMs: number): void {
  resolveOthers(tx).run({ seenAtMs, unlooked: JSON.stringify(unlooked) })
}

function newFinding(found: Difference, nowMs: number, random: Random): typeof findings.$inferInsert {
  const { kind, key, tenantId, externalId, remedy } = found
  const id = newId('fnd', nowMs, random)
  const seenAt = { firstSeenAt: nowMs, lastSeenAt: nowMs }
  return { id, kind, key, tenantId, externalId, remedy, status: 'open', ...seenAt, ...factsOf(found) }
}

function factsOf({ facts, monthly }: Difference) {
  return {
    facts: JSON.stringify(facts),
    monthlyAmount: monthly?.amount ?? null,
    currency: monthly?.currency ?? null,
  }
}

/** Marks a finding as dealt with, by somebody or by itself. */
export function resolve(tx: Tx, findingId: string, by: string, nowMs: number): void {
  tx.update(findings).set(resolution(by, nowMs)).where(eq(findings.id, findingId)).run()
}

function resolution(by: string, nowMs: number) {
  return { status: 'resolved' as const, resolvedAt: nowMs, resolvedBy: by, error: null }
}

/** A finding by its id. Throws `not_found`. */
export function getFinding(db: Reader, findingId: string): FindingRow {
  const finding = db.select().from(findings).where(eq(findings.id, findingId)).get()
  if (!finding) throw notFound('There is no such finding.')
  return finding
}

/** What a finding is about, as it was compared. */
export function readFinding({ kind, facts, remedy }: FindingRow) {
  const known: RemedyName | null = remedyOf(remedy)?.name ?? null
  return { kind: kind as Kind, facts: JSON.parse(facts) as Facts, remedy: known }
}

/** Lets a finding be: it is counted on, but not shown as open and never acted on. Throws `conflict`. */
export function ignoreFinding(tx: Tx, findingId: string, actor: Actor, nowMs: number): void {
  change(tx, findingId, { from: 'open', to: 'ignored', action: 'finding.ignored' }, actor, nowMs)
}

/** Takes that back. Throws `conflict` when it is not ignored. */
export function heedFinding(tx: Tx, findingId: string, actor: Actor, nowMs: number): void {
  change(tx, findingId, { from: 'ignored', to: 'open', action: 'finding.heeded' }, actor, nowMs)
}

type Change = { from: FindingStatus; to: FindingStatus; action: string }

function change(tx: Tx, findingId: string, { from, to, action }: Change, actor: Actor, nowMs: number): void {
  const { status, kind, key } = getFinding(tx, findingId)
  if (status !== from) throw conflict(`This finding is ${status}, not ${from}.`)
  tx.update(findings).set({ status: to }).where(eq(findings.id, findingId)).run()
  audit(tx, nowMs, { actor, action, subject: findingId, detail: { kind, key } })
}

/** Whether two sightings, far enough apart, say the same. */
export function isConfirmed({ sightings, firstSeenAt, lastSeenAt }: FindingRow): boolean {
  return sightings >= SIGHTINGS_MIN && lastSeenAt - firstSeenAt >= CONFIRMED_AFTER_MS
}

/**
 * From when on Atlas may act on a finding: `now`, or the moment (UTC milliseconds) from which on a look that sees it
 * again confirms it. Null when there is nothing that Atlas could do.
 */
export function mayApplyAt(finding: FindingRow): 'now' | number | null {
  const remedy = remedyOf(finding.remedy)
  if (!remedy || finding.status !== 'open') return null
  return remedy.deletes && !isConfirmed(finding) ? finding.firstSeenAt + CONFIRMED_AFTER_MS : 'now'
}

/** What the list can be sorted by. */
export const FINDING_SORTS = {
  urgency: urgency(),
  cost: findings.monthlyAmount,
  seen: findings.firstSeenAt,
  resolved: findings.resolvedAt,
}

/** `q` is looked for in what a finding is about: names, addresses, ids. */
export type FindingFilter = { q: string; kind: Kind | ''; status: FindingStatus } & Order<
  keyof typeof FINDING_SORTS
>

/** Findings that match a filter, and a page of them. */
export function listFindings(db: Reader, filter: FindingFilter, page: PageWanted): Page<FindingRow> {
  const kind = filter.kind ? eq(findings.kind, filter.kind) : undefined
  const where = and(eq(findings.status, filter.status), kind, isAbout(filter.q))
  const rows = db
    .select()
    .from(findings)
    .where(where)
    .orderBy(...inOrder(FINDING_SORTS, filter, findings.id))
    .limit(page.size)
    .offset((page.number - 1) * page.size)
    .all()
  const total = db.select({ count: count() }).from(findings).where(where).get()?.count ?? 0
  return { rows, ...page, total }
}

function isAbout(q: string): SQL | undefined {
  if (!q) return undefined
  const pattern = containing(q)
  return or(
    sql`${findings.facts} LIKE ${pattern} ESCAPE '\\'`,
    sql`${findings.externalId} LIKE ${pattern} ESCAPE '\\'`,
    eq(findings.tenantId, q),
    eq(findings.id, q),
  )
}

function urgency(): SQL {
  const ranks = KINDS.map((kind, rank) => sql`WHEN ${kind} THEN ${rank}`)
  return sql`CASE ${findings.kind} ${sql.join(ranks, sql` `)} ELSE ${KINDS.length} END`
}

/** How many findings of each kind have a status and are about `q`, the most urgent first. */
export function countFindings(
  db: Reader,
  { status, q = '' }: { status: FindingStatus; q?: string },
): { kind: Kind; count: number }[] {
  const counted = db
    .select({ kind: findings.kind, count: count() })
    .from(findings)
    .where(and(eq(findings.status, status), isAbout(q)))
    .groupBy(findings.kind)
    .all()
  const counts = new Map(counted.map((row) => [row.kind, row.count]))
  return KINDS.flatMap((kind) => (counts.has(kind) ? [{ kind, count: counts.get(kind) ?? 0 }] : []))
}

/** How many findings are open, for every page of the operator. */
export function countOpenFindings(db: Reader): number {
  return db.select({ count: count() }).from(findings).where(eq(findings.status, 'open')).get()?.count ?? 0
}

/** What the open findings cost a month, by currency, and how many of them have no known price. */
export function monthlyCost(db: Reader): { known: Money[]; unknown: number } {
  const rows = db
    .select({ currency: findings.currency, amount: sum(findings.monthlyAmount), count: count() })
    .from(findings)
    .where(and(eq(findings.status, 'open'), inArray(findings.kind, [...COSTING])))
    .groupBy(findings.currency)
    .all()
  const known = rows.flatMap(({ currency, amount }) =>
    currency ? [{ currency, amount: Number(amount) }] : [],
  )
  return { known, unknown: rows.find(({ currency }) => currency === null)?.count ?? 0 }
}

const openFindings = prepared((db) =>
  db
    .select()
    .from(findings)
    .where(eq(findings.status, 'open'))
    .orderBy(urgency(), asc(findings.id))
    .prepare(),
)

/** The open findings on which Atlas may act by itself or at a click, now. */
export function applicable(db: Reader): FindingRow[] {
  return openFindings(db)
    .all()
    .filter((finding) => mayApplyAt(finding) === 'now')
}
