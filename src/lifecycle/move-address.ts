import { and, eq, inArray, max } from 'drizzle-orm'
import { effects, servers, tenants } from '../db/schema'
import { conflict } from '../errors'
import { pointDns, pointName, removeDns } from '../provisioning/name'
import { PATIENCE } from '../provisioning/patience'
import { pauseMs } from '../provisioning/pause'
import { deleteServer } from '../provisioning/release'
import { createServer } from '../provisioning/server'
import { done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import { stepsOf } from '../runs/steps'
import type { Services } from '../services'
import {
  dnsRecordOf,
  getTenant,
  hostnameOf,
  planIdOfRun,
  type ServerRow,
  serverOfRun,
} from '../tenants/tenant'
import { oldServerOf } from './old-server'

/** Makes the new server; taken back, it goes once nobody can know its address any more. */
export function makeServer(services: Services): Step {
  return {
    ...createServer(services),
    patience: { ...PATIENCE.name, except: 'room' },
    undo: async (context) =>
      (await leadBack(services, context)) ??
      deleteRested(services, context, { after: 'point-dns', which: 'new' }),
  }
}

/** Points the name to the new server; taken back, to the old one, if that is still ours. */
export function pointToNewServer(services: Services): Step {
  return {
    ...pointDns(services),
    patience: PATIENCE.name,
    title: 'Point the name to the new server',
    takesBack: 'Points the name to the old server again, or removes it if that is gone.',
    undo: (context) => pointBack(services, context),
  }
}

async function pointBack(services: Services, context: StepContext): Promise<StepResult> {
  const { cloud, dns, db } = { ...services, db: context.db }
  const old = oldServerOf(context)
  // Its address may be a stranger's by now.
  if (!old.externalId || !(await cloud.getServer(old.externalId))) return removeDns(services, context)
  const record = dnsRecordOf(db.read, context.run.tenantId)
  if (record && (record.value !== old.ipv4 || record.changeId === null)) {
    const { commit } = await pointName(services, context, old)
    db.write((tx) => commit?.(tx, context.now()))
    return wait(pauseMs(0), 'Route 53 is pointing the name back.')
  }
  const isPending = record?.changeId ? (await dns.getChange(record.changeId)) === 'pending' : false
  if (!isPending) return done()
  return wait(pauseMs(context.now() - context.startedAt), 'Route 53 is pointing the name back.')
}

/** An older database may have forgotten that the name leads to the new server already; null when it does not. */
async function leadBack(services: Services, context: StepContext): Promise<StepResult | null> {
  const { db, run, now } = context
  const { ipv4 } = serverOfRun(db.read, run)
  const name = hostnameOf(getTenant(db.read, run.tenantId), services.settings.tenantDomain)
  const record = ipv4 === null ? null : await services.dns.findRecord(name, 'A')
  if (ipv4 === null || !record?.values.includes(ipv4)) return null
  const old = oldServerOf(context)
  // Its address may be a stranger's by now.
  if (!old.externalId || !(await services.cloud.getServer(old.externalId)))
    return removeDns(services, context)
  const { commit } = await pointName(services, context, old)
  db.write((tx) => commit?.(tx, now()))
  return wait(pauseMs(0), 'Route 53 is pointing the name back.')
}

/** The tenant lives on the new server from here on. */
export function handOver(): Step {
  return {
    name: 'hand-over',
    title: 'Make the new server the tenant’s own',
    again: 'Writes down which server is whose.',
    run: async ({ run }) =>
      done({}, (tx, nowMs) => {
        const setRole = (serverId: unknown, role: 'former' | 'current') =>
          tx
            .update(servers)
            .set({ role })
            .where(eq(servers.id, String(serverId)))
            .run()
        setRole(run.input.fromServerId, 'former')
        setRole(run.input.serverId, 'current')
        const planId = planIdOfRun(run, getTenant(tx, run.tenantId))
        tx.update(tenants).set({ planId, updatedAt: nowMs }).where(eq(tenants.id, run.tenantId)).run()
      }),
  }
}

/** Deletes the old server once every cache has forgotten its address. */
export function retireOldServer(services: Services): Step {
  return {
    name: 'retire-old-server',
    title: 'Delete the old server',
    patience: PATIENCE.name,
    again: 'Looks whether it is still there, and deletes it once caches have forgotten its address.',
    run: (context) => deleteRested(services, context, { after: 'wait-for-dns', which: 'old' }),
  }
}

/**
 * Deletes a server, but keeps its address for twice the record's TTL after the step that led the name away from it:
 * caches still send visitors there.
 */
async function deleteRested(
  services: Services,
  context: StepContext,
  { after, which }: { after: string; which: 'old' | 'new' },
): Promise<StepResult> {
  const { db, run, now } = context
  const ledAwayAt =
    stepsOf(db.read, run.id).find(({ name }) => name === after)?.finishedAt ?? ledBackAt(context)
  const ttlMs = (dnsRecordOf(db.read, run.tenantId)?.ttlSeconds ?? 0) * 1_000
  const restedAt = ledAwayAt === null ? 0 : ledAwayAt + 2 * ttlMs
  if (restedAt > now())
    return wait(restedAt - now(), `Waiting until caches have forgotten the ${which} address.`)
  const server = which === 'old' ? oldServerOf(context) : undefined
  if (server) await refuseWhileNamed(services, context, server)
  // The cloud has been waited for only since then, and is looked at accordingly often.
  const startedAt = Math.max(context.startedAt, restedAt)
  return deleteServer(services, { ...context, startedAt }, server)
}

/** When this very step last led the name away from it; null when it never did. */
function ledBackAt({ db, run, step }: StepContext): number | null {
  const mine = and(
    eq(effects.runId, run.id),
    eq(effects.step, step),
    inArray(effects.verb, ['upsertRecord', 'deleteRecord']),
  )
  const last = db.read
    .select({ at: max(effects.requestedAt) })
    .from(effects)
    .where(mine)
    .get()
  return last?.at ?? null
}

/** Somebody may have led the name back since: then its visitors are still there. */
async function refuseWhileNamed(
  { dns, settings }: Services,
  { db, run }: StepContext,
  { ipv4 }: ServerRow,
): Promise<void> {
  const name = hostnameOf(getTenant(db.read, run.tenantId), settings.tenantDomain)
  const record = await dns.findRecord(name, 'A')
  if (ipv4 === null || !record?.values.includes(ipv4)) return
  throw conflict(`${name} leads to the old server again. Point it to the new one, then retry.`)
}
