import { and, eq, isNull } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { dnsRecords } from '../db/schema'
import { conflict } from '../errors'
import { newId } from '../ids'
import type { DnsRecord } from '../providers/dns'
import { type Done, done, type Step, type StepContext, type StepResult, wait } from '../runs/recipe'
import type { Services } from '../services'
import {
  type DnsRecordRow,
  dnsRecordOf,
  getTenant,
  hostnameOf,
  type ServerRow,
  serverOfRun,
  serversOf,
} from '../tenants/tenant'
import { PATIENCE } from './patience'
import { pauseMs } from './pause'

export const TTL_SECONDS = 60

/** Points the tenant's name to its server. A record that is somebody else's is left alone. */
export function pointDns(services: Services): Step {
  return {
    name: 'point-dns',
    title: 'Point the name to the server',
    patience: PATIENCE.name,
    again: 'Sets the record to the server’s address, once more or for the first time.',
    takesBack: 'Removes the record, and waits until caches have forgotten it.',
    run: (context) => pointName(services, context, serverOfRun(context.db.read, context.run)),
    undo: (context) => removeDns(services, context),
  }
}

/** Has the tenant's name lead to this server; the output's change has then to be waited for. */
export async function pointName(
  services: Services,
  { run, db, effect, now }: StepContext,
  { ipv4 }: Pick<ServerRow, 'ipv4'>,
): Promise<Done> {
  const { dns, settings } = services
  const name = hostnameOf(getTenant(db.read, run.tenantId), settings.tenantDomain)
  if (!ipv4) throw conflict('The server has no address yet.')
  const record: DnsRecord = { name, type: 'A', values: [ipv4], ttlSeconds: TTL_SECONDS }
  await refuseOtherRecords(services, name, addressesOf(db.read, run.tenantId))
  expectRecord(db, { tenantId: run.tenantId, name, value: ipv4 }, now())
  const { changeId } = await effect(
    {
      provider: 'route53',
      verb: 'upsertRecord',
      key: `${name} A`,
      summary: { name, type: 'A', value: ipv4 },
    },
    () => dns.upsertRecord(record),
    (reply) => reply.changeId,
  )
  return done({ changeId, name, ipv4 }, (tx) =>
    tx.update(dnsRecords).set({ changeId }).where(liveRecordOf(run.tenantId)).run(),
  )
}

/** Visitors must reach the tenant's servers and no others, by either kind of address. */
async function refuseOtherRecords({ dns }: Services, name: string, ours: string[]): Promise<void> {
  const present = [await dns.findRecord(name, 'A'), await dns.findRecord(name, 'AAAA')]
  const others = present.flatMap((record) => record?.values ?? []).filter((value) => !ours.includes(value))
  if (others.length === 0) return
  throw conflict(
    `${name} already points to ${others.join(', ')}, which Atlas did not set. Remove that record, then retry.`,
  )
}

/** Waits until all name servers of the zone answer with the record. */
export function waitForDns({ dns }: Services): Step {
  return {
    name: 'wait-for-dns',
    title: 'Wait for the name servers',
    patience: PATIENCE.name,
    again: 'Asks how far they are.',
    async run({ output, startedAt, now }) {
      const { changeId } = output('point-dns') as { changeId: string }
      const state = await dns.getChange(changeId)
      if (state === 'pending') return wait(pauseMs(now() - startedAt), 'Route 53 is spreading the record.')
      return done()
    },
  }
}

/**
 * Stores the record before it is asked for, so that whatever becomes of the asking, undoing knows that the name may
 * have pointed to the server.
 */
export function expectRecord(
  db: StepContext['db'],
  record: { tenantId: string; name: string; value: string },
  nowMs: number,
): void {
  db.write((tx) =>
    tx
      .insert(dnsRecords)
      .values({ id: newId('rec', nowMs), ...record, type: 'A', ttlSeconds: TTL_SECONDS, createdAt: nowMs })
      .onConflictDoUpdate({
        target: [dnsRecords.name, dnsRecords.type],
        targetWhere: isNull(dnsRecords.deletedAt),
        set: { value: record.value, changeId: null },
      })
      .run(),
  )
}

/**
 * Removes the record, then waits until the name servers and every cache have forgotten it (twice its TTL):
 * only then may the address go back to the cloud, or a stranger could get the tenant's visitors.
 */
export async function removeDns(services: Services, context: StepContext): Promise<StepResult> {
  const { dns } = services
  const { run, db, effect, startedAt, now } = context
  const row = dnsRecordOf(db.read, run.tenantId) ?? (await forgottenRecord(services, context))
  if (!row) return done()
  if (row.deletedAt !== null) {
    if (row.changeId) {
      const pending = (await dns.getChange(row.changeId)) === 'pending'
      if (!pending) restFromNow(context)
      return wait(
        pending ? pauseMs(now() - startedAt, { min: 1_000 }) : 0,
        'Route 53 is removing the record.',
      )
    }
    const restMs = row.deletedAt + 2 * row.ttlSeconds * 1_000 - now()
    return restMs > 0 ? wait(restMs, 'Waiting until caches have forgotten the record.') : done()
  }
  const { name, value } = row
  const present = await dns.findRecord(name, 'A')
  const ours = [value, ...addressesOf(db.read, run.tenantId)]
  const change = present?.values.every((one) => ours.includes(one))
    ? await effect(
        {
          provider: 'route53',
          verb: 'deleteRecord',
          key: `${name} A`,
          summary: { name, type: 'A', value },
        },
        () => dns.deleteRecord(present),
        (reply) => reply?.changeId ?? null,
      )
    : null
  // Somebody may have changed it at Route 53, and caches go by what stood there.
  const ttlSeconds = Math.max(row.ttlSeconds, present?.ttlSeconds ?? 0)
  db.write((tx) =>
    tx
      .update(dnsRecords)
      .set({ deletedAt: now(), changeId: change?.changeId ?? null, ttlSeconds })
      .where(liveRecordOf(run.tenantId))
      .run(),
  )
  return wait(change ? 1_000 : 0, 'Route 53 is removing the record.')
}

/** A database that is older than the clouds may not know of a record that leads to one of the tenant's own servers. */
async function forgottenRecord(
  { dns, cloud, settings }: Services,
  { run, db, now }: StepContext,
): Promise<DnsRecordRow | undefined> {
  const { tenantId } = run
  const name = hostnameOf(getTenant(db.read, tenantId), settings.tenantDomain)
  const [value, ...others] = (await dns.findRecord(name, 'A'))?.values ?? []
  if (value === undefined) return undefined
  const labelled = await cloud.listServers({ atlas: settings.installationId, tenant: tenantId })
  const ours = [...addressesOf(db.read, tenantId), ...labelled.map(({ ipv4 }) => ipv4)]
  if (![value, ...others].every((one) => ours.includes(one))) return undefined
  expectRecord(db, { tenantId, name, value }, now())
  return dnsRecordOf(db.read, tenantId)
}

/** Caches may have asked until the last name server forgot the record: their time begins now. */
function restFromNow({ db, run, now }: StepContext): void {
  db.write((tx) =>
    tx
      .update(dnsRecords)
      .set({ deletedAt: now(), changeId: null })
      .where(eq(dnsRecords.tenantId, run.tenantId))
      .run(),
  )
}

/** Whatever the name may rightly point to: while a tenant moves it has two servers. */
function addressesOf(db: Reader, tenantId: string): string[] {
  return serversOf(db, tenantId).flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((one) => one !== null))
}

function liveRecordOf(tenantId: string) {
  return and(eq(dnsRecords.tenantId, tenantId), isNull(dnsRecords.deletedAt))
}
