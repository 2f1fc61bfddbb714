import { desc, eq } from 'drizzle-orm'
import { type Actor, ATLAS, audit } from '../audit'
import { nextTurn } from '../clock'
import type { Db, Reader } from '../db/open'
import { inserting, prepared, updating } from '../db/prepared'
import { reconciliations } from '../db/schema'
import { asAtlasError, conflict, notFound } from '../errors'
import { newId } from '../ids'
import { type Counted, noteQuotas } from '../quotas/quotas'
import type { Services } from '../services'
import { applyFinding } from './apply'
import { compare, unlookedKinds } from './compare'
import { applicable, type FindingRow, isConfirmed, noteSeen, resolveUnseen } from './findings'
import { YOUNG_MS } from './ground'
import { busyTenants, readKnown } from './known'
import { learn } from './learn'
import { remedyOf } from './remedy'
import { type OnSeen, type Snapshot, takeSnapshot } from './snapshot'
import { type Source, type Unlisted, unlistedSince } from './source'

export type ReconciliationRow = typeof reconciliations.$inferSelect

/** How many of each thing a look has seen, found and put right. */
export type Counts = Record<string, number>

/** Whether somebody wants a finding to be acted on. */
export type Wanted = (finding: FindingRow) => boolean

export type ReconcileOptions = {
  actor?: Actor
  /** Which findings somebody wants applied, of those that may be applied when the look is over. */
  apply?: Wanted
}

const nothing: Wanted = () => false

/** So many findings are written down in one transaction. */
const NOTED_AT_ONCE = 100

// Only one process works on a database, so this is the place that knows whether a look is under way.
const underWay = new WeakMap<Db, string>()

/**
 * Begins a look at everything that the clouds hold. `done` resolves to its row when it is over, also when it has
 * failed. Throws `conflict` while another is under way: it costs hundreds of requests.
 */
export function beginReconciliation(
  services: Services,
  { actor = ATLAS, apply = nothing }: ReconcileOptions = {},
): { id: string; done: Promise<ReconciliationRow> } {
  const { db, clock, random } = services
  if (underWay.has(db)) throw conflict('Atlas is looking already. Wait until it has finished.')
  const id = newId('rcn', clock.now(), random)
  db.write((tx) => {
    const nowMs = clock.now()
    // What a process that died has left.
    const error = 'Atlas was stopped before this look was over.'
    endRunning(tx, { status: 'running' }, { status: 'failed', error, finishedAt: nowMs })
    insertLook(tx, { id, startedAt: nowMs, status: 'running', lookedAt: '{}' })
    if (actor !== ATLAS)
      audit(tx, nowMs, { actor, action: 'drift.looked', subject: id, detail: { apply: apply !== nothing } })
  })
  underWay.set(db, id)
  const done = carry(services, id, actor, apply).finally(() => underWay.delete(db))
  return { id, done }
}

/** The hourly look. One that comes while another is under way is left out. */
export async function reconcile(services: Services): Promise<void> {
  if (underWay.has(services.db)) return
  await beginReconciliation(services).done
}

async function carry(
  services: Services,
  id: string,
  actor: Actor,
  apply: Wanted,
): Promise<ReconciliationRow> {
  const { db, clock, log } = services
  const counts: Partial<Counts> = {}
  const count: OnSeen = (name, number) => {
    counts[name] = number
    note(db, id, { lookedAt: JSON.stringify(counts) })
  }
  try {
    const before = unlistedOf(lastFinished(db.read))
    const snapshot = await takeSnapshot(services, count)
    const unlisted = unlistedSince(snapshot.unlisted, before, snapshot.takenAt)
    if (unlisted.length > 0) log.warn('not everything could be listed', { reconciliation: id, unlisted })
    note(db, id, { unlisted: unlisted.length > 0 ? JSON.stringify(unlisted) : null })
    count('findings', await compareAndNote(services, snapshot))
    await learn(db, snapshot)
    await applyAll(services, actor, apply, count)
    note(db, id, { status: 'complete', finishedAt: clock.now() })
  } catch (thrown) {
    const error = asAtlasError(thrown)
    log.error('the clouds could not be compared', thrown, { reconciliation: id })
    note(db, id, { status: 'failed', error: error.message, finishedAt: clock.now() })
  }
  return getReconciliation(db.read, id)
}

/**
 * Compares and writes down what was found. Pages and the worker have their turn in between; what they put in change
 * meanwhile is left out, and everything else that they do is too young to be found.
 */
async function compareAndNote(services: Services, snapshot: Snapshot): Promise<number> {
  const { db, clock, random } = services
  const sinceMs = snapshot.takenAt - YOUNG_MS
  const differences = await compare(snapshot, await readKnown(services, snapshot, sinceMs), clock.now())
  const busy = busyTenants(db.read, sinceMs)
  const standing = new Map(
    differences
      .filter(({ tenantId }) => tenantId === null || !busy.has(tenantId))
      .map((found) => [found.key, found]),
  )
  const nowMs = clock.now()
  const found = [...standing.values()]
  for (let first = 0; first < found.length; first += NOTED_AT_ONCE) {
    db.write((tx) => noteSeen(tx, found.slice(first, first + NOTED_AT_ONCE), nowMs, random))
    await nextTurn()
  }
  db.write((tx) => {
    resolveUnseen(tx, unlookedKinds(snapshot), nowMs)
    noteQuotas(tx, services, countedIn(snapshot), nowMs)
  })
  return found.length
}

function countedIn({ servers, addresses, recordLimit, unlisted }: Snapshot): Counted {
  const isListed = (source: Source) => !unlisted.some((failure) => failure.source === source)
  return {
    ...(isListed('hetzner') && { servers: servers.length, addresses: addresses.length }),
    ...(isListed('route53') && { records: recordLimit }),
  }
}

async function applyAll(
  services: Services,
  actor: Actor,
  apply: Wanted,
  count: (name: string, number: number) => void,
): Promise<void> {
  const { db, log, settings } = services
  const mayApply = (finding: FindingRow) => apply(finding) || appliesItself(finding, settings.reconcilePolicy)
  let mended = 0
  for (const finding of applicable(db.read).filter(mayApply)) {
    try {
      await applyFinding(services, finding.id, actor)
      mended += 1
      count('mended', mended)
    } catch (thrown) {
      // The reason stands with the finding; the others must not wait for it.
      if (asAtlasError(thrown).code === 'internal')
        log.error('a finding could not be mended', thrown, { finding: finding.id })
    }
  }
}

/** What only learns happens at once; what changes the clouds waits for two sightings and the operator's policy. */
function appliesItself(finding: FindingRow, policy: 'report' | 'safe'): boolean {
  const remedy = remedyOf(finding.remedy)
  if (!remedy || remedy.deletes) return false
  return remedy.atOnce === true || (policy === 'safe' && isConfirmed(finding))
}

/** A look by its id. Throws `not_found`. */
export function getReconciliation(db: Reader, id: string): ReconciliationRow {
  const row = db.select().from(reconciliations).where(eq(reconciliations.id, id)).get()
  if (!row) throw notFound('There is no such look.')
  return row
}

/** The latest look, under way or over; undefined before the first. */
export function latestReconciliation(db: Reader): ReconciliationRow | undefined {
  return db.select().from(reconciliations).orderBy(desc(reconciliations.startedAt)).limit(1).get()
}

function lastFinished(db: Reader): ReconciliationRow | undefined {
  return latestComplete(db).get()
}

const latestComplete = prepared((db) =>
  db
    .select()
    .from(reconciliations)
    .where(eq(reconciliations.status, 'complete'))
    .orderBy(desc(reconciliations.startedAt))
    .limit(1)
    .prepare(),
)

/** What a look could not list, and since when. */
export function unlistedOf(look: ReconciliationRow | undefined): Unlisted[] {
  return JSON.parse(look?.unlisted ?? '[]') as Unlisted[]
}

/** The counts of a look as numbers by name. */
export function countsOf({ lookedAt }: ReconciliationRow): Counts {
  return JSON.parse(lookedAt ?? '{}') as Counts
}

const insertLook = inserting(reconciliations)
const endRunning = updating(reconciliations, 'status')
const changeLook = updating(reconciliations, 'id')

function note(db: Db, id: string, change: Partial<ReconciliationRow>): void {
  db.write((tx) => changeLook(tx, { id }, change))
}
