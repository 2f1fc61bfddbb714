import { and, eq, gte, inArray, notInArray, or, type SQL } from 'drizzle-orm'
import { ATLAS } from '../audit'
import type { Reader, Tx } from '../db/open'
import { runs, subscriptions, tenants } from '../db/schema'
import { AtlasError } from '../errors'
import { resumeTenant, suspendTenant } from '../lifecycle/suspension'
import type { Services } from '../services'
import { wantedStanding } from './standing'

/** How long a suspension or resumption that failed, or that somebody called off, is left to people. */
export const REST_MS = 86_400_000

const FOR_MONEY = ['unpaid', 'canceled'] as const
const PAYING = ['active', 'trialing']

/**
 * Suspends what is not paid for any more and resumes what is paid for again, as far as money was the reason. A
 * tenant that a run is at work on is left for the next round.
 */
export function followMoney(services: Services): void {
  follow(services)
}

/** The same for the tenants of one organization, when something was learnt of its money. */
export function followOrganization(services: Services, organizationId: string): void {
  follow(services, eq(tenants.organizationId, organizationId))
}

function follow(services: Services, whose?: SQL): void {
  const { db } = services
  const mayStop = and(eq(tenants.status, 'active'), notInArray(subscriptions.status, PAYING))
  const mayResume = and(eq(tenants.status, 'suspended'), inArray(tenants.suspendedFor, FOR_MONEY))
  const candidates = db.read
    .select({ id: tenants.id })
    .from(tenants)
    .innerJoin(subscriptions, eq(subscriptions.organizationId, tenants.organizationId))
    .where(and(whose, or(mayStop, mayResume)))
    .all()
  for (const { id } of candidates) {
    try {
      if (wantedMove(db.read, id, services.clock.now())) db.write((tx) => move(tx, services, id))
    } catch (thrown) {
      if (!(thrown instanceof AtlasError) || thrown.code !== 'conflict') throw thrown
    }
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

/** What money wants to happen to a tenant now; null when it is as it should be. */
function wantedMove(db: Reader, tenantId: string, nowMs: number): Move | null {
  const found = db
    .select()
    .from(tenants)
    .innerJoin(subscriptions, eq(subscriptions.organizationId, tenants.organizationId))
    .where(eq(tenants.id, tenantId))
    .get()
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

/** A server that can't be reached must not get a new run every five minutes. */
function isResting(db: Reader, tenantId: string, kind: Move['kind'], nowMs: number): boolean {
  const ofTenant = and(eq(runs.tenantId, tenantId), gte(runs.createdAt, nowMs - REST_MS))
  const unsuccessful = inArray(runs.status, ['failed', 'cancelled'])
  const found = db
    .select({ id: runs.id })
    .from(runs)
    .where(and(ofTenant, eq(runs.kind, kind), unsuccessful))
    .limit(1)
    .get()
  return found !== undefined
}
