import { and, eq, gte, inArray, notInArray, or, type SQL, sql } from 'drizzle-orm'
import { ATLAS } from '../audit'
import { wantedStanding } from '../billing/standing'
import { syncMoney } from '../billing/sync'
import type { Reader, Tx } from '../db/open'
import { prepared } from '../db/prepared'
import { runs, subscriptions, tenants } from '../db/schema'
import { AtlasError } from '../errors'
import { latestRun } from '../runs/run'
import type { Services } from '../services'
import { resumeTenant, suspendTenant } from './suspension'

/** How long a suspension or resumption that failed, or that somebody called off, is left to people. */
export const REST_MS = 86_400_000

const FOR_MONEY = ['unpaid', 'canceled'] as const
const PAYING = ['active', 'trialing']

/**
 * Suspends what is not paid for any more and resumes what is paid for again, as far as money was the reason. Before
 * it suspends it asks Stripe once more: the word that all is paid may be on its way. A tenant that a run is at work
 * on, or whose money can't be asked for, is left for the next round.
 */
export async function followMoney(services: Services): Promise<void> {
  const { db, clock, log } = services
  for (const { id, organizationId } of candidates(db.read).all()) {
    try {
      if (wantedMove(db.read, id, clock.now())?.kind === 'suspend') await syncMoney(services, organizationId)
      follow(services, id)
    } catch (thrown) {
      log.error('a tenant could not follow its money', thrown, { tenant: id })
    }
  }
}

/** The same for the tenants of one organization, whose money was asked for just now. */
export function followOrganization(services: Services, organizationId: string): void {
  for (const { id } of theirCandidates(services.db.read).all({ organizationId })) follow(services, id)
}

const candidates = prepared((db) => selectCandidates(db).prepare())
const theirCandidates = prepared((db) =>
  selectCandidates(db, eq(tenants.organizationId, sql.placeholder('organizationId'))).prepare(),
)

function selectCandidates(db: Reader, whose?: SQL) {
  const mayStop = and(eq(tenants.status, 'active'), notInArray(subscriptions.status, PAYING))
  const mayResume = and(eq(tenants.status, 'suspended'), inArray(tenants.suspendedFor, FOR_MONEY))
  return db
    .select({ id: tenants.id, organizationId: tenants.organizationId })
    .from(tenants)
    .innerJoin(subscriptions, eq(subscriptions.organizationId, tenants.organizationId))
    .where(and(whose, or(mayStop, mayResume)))
}

function follow(services: Services, tenantId: string): void {
  const { db, clock } = services
  // Most are as they should be, and a look costs no commit.
  if (!wantedMove(db.read, tenantId, clock.now())) return
  try {
    db.write((tx) => move(tx, services, tenantId))
  } catch (thrown) {
    // Also one whose release can't live with its data: the operator was told when its deploy stopped.
    if (!(thrown instanceof AtlasError) || thrown.code !== 'conflict') throw thrown
  }
}

/** Queues what brings a tenant into the standing that its money wants. Throws `conflict` when a run is at work. */
function move(tx: Tx, services: Services, tenantId: string): void {
  const nowMs = services.clock.now()
  const wanted = wantedMove(tx, tenantId, nowMs)
  if (wanted?.kind === 'suspend') {
    suspendTenant(tx, services, tenantId, { actor: ATLAS, because: wanted.because, nowMs })
  }
  if (wanted?.kind === 'resume') resumeTenant(tx, services, tenantId, { actor: ATLAS, nowMs })
}

type Move = { kind: 'suspend'; because: 'unpaid' | 'canceled' } | { kind: 'resume' }

const paidTenant = prepared((db) =>
  db
    .select()
    .from(tenants)
    .innerJoin(subscriptions, eq(subscriptions.organizationId, tenants.organizationId))
    .where(eq(tenants.id, sql.placeholder('tenantId')))
    .prepare(),
)

/** What money wants to happen to a tenant now; null when it is as it should be. */
function wantedMove(db: Reader, tenantId: string, nowMs: number): Move | null {
  const found = paidTenant(db).get({ tenantId })
  if (!found) return null
  const wanted = wantedStanding(found.subscriptions, nowMs)
  const { status, suspendedFor } = found.tenants
  const isForMoney = suspendedFor === 'unpaid' || suspendedFor === 'canceled'
  if (wanted.standing === 'suspended' && status === 'active') {
    return isResting(db, tenantId, 'suspend', nowMs) ? null : { kind: 'suspend', because: wanted.because }
  }
  if (wanted.standing === 'active' && status === 'suspended' && isForMoney) {
    return isResting(db, tenantId, 'resume', nowMs) ? null : { kind: 'resume' }
  }
  return null
}

/**
 * A server that can't be reached must not get a new run every five minutes, and what a person called off stays so for
 * its time. Once a later run has taken the place of the one that failed nobody can retry it any more, so it is tried anew.
 */
function isResting(db: Reader, tenantId: string, kind: Move['kind'], nowMs: number): boolean {
  const since = nowMs - REST_MS
  const latest = latestRun(db, tenantId)
  if (latest?.kind === kind && latest.status === 'failed' && latest.createdAt >= since) return true
  const calledOff = and(eq(runs.kind, kind), eq(runs.status, 'cancelled'), gte(runs.createdAt, since))
  const mine = and(eq(runs.tenantId, tenantId), calledOff)
  return db.select({ id: runs.id }).from(runs).where(mine).limit(1).get() !== undefined
}
