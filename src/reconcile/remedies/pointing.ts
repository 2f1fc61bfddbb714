import { and, eq, gt, inArray } from 'drizzle-orm'
import { networkOf } from '../../accounts/rate-limit'
import type { Reader } from '../../db/open'
import { dnsRecords, findings } from '../../db/schema'
import { conflict } from '../../errors'
import { readFinding } from '../findings'
import type { Case } from './remedying'

/** The longest time for which a record may be remembered. */
const TTL_MAX_MS = 86_400_000

/**
 * Throws `conflict` while a name leads to one of these addresses, or did until lately: whoever gets the address next
 * would get its visitors.
 */
export async function requireUnpointed({ services }: Case, addresses: string[]): Promise<void> {
  const { db, dns, clock } = services
  // All of an IPv6 network goes with its address, and DNS may write one in more than one way.
  const networks = new Set(addresses.map(networkOf))
  const pointing = (await dns.listRecords()).find(({ values }) =>
    values.some((value) => networks.has(networkOf(value))),
  )
  if (pointing) throw conflict(`${pointing.name} still leads to this address. Remove that record first.`)
  const untilMs = rememberedUntil(db.read, addresses, clock.now())
  if (untilMs <= clock.now()) return
  const seconds = Math.ceil((untilMs - clock.now()) / 1_000)
  throw conflict(
    `A name led to this address until a moment ago, and caches still remember it. Try again in ${seconds} seconds.`,
  )
}

/** When the last cache has forgotten every record to these addresses that Atlas has removed: twice their TTL. */
function rememberedUntil(db: Reader, addresses: string[], nowMs: number): number {
  const rows = db
    .select()
    .from(dnsRecords)
    .where(and(inArray(dnsRecords.value, addresses), gt(dnsRecords.deletedAt, nowMs - 2 * TTL_MAX_MS)))
    .all()
    .map(({ deletedAt, ttlSeconds }) => (deletedAt ?? 0) + 2 * ttlSeconds * 1_000)
  const removed = db
    .select()
    .from(findings)
    .where(and(eq(findings.remedy, 'delete_record'), gt(findings.resolvedAt, nowMs - 2 * TTL_MAX_MS)))
    .all()
    .flatMap((finding) => {
      const { values, ttlSeconds } = readFinding(finding).facts
      const isMeant = String(values)
        .split(', ')
        .some((value) => addresses.includes(value))
      return isMeant ? [(finding.resolvedAt ?? 0) + 2 * Number(ttlSeconds) * 1_000] : []
    })
  return Math.max(0, ...rows, ...removed)
}
