import { and, eq, isNotNull, isNull, or } from 'drizzle-orm'
import { nextTurn } from '../clock'
import type { Db } from '../db/open'
import { servers } from '../db/schema'
import { by } from './ground'
import type { Snapshot } from './snapshot'

const AT_ONCE_MAX = 200

/**
 * Writes down what our rows of servers never knew, such as the ids of addresses, which an older Atlas did not keep.
 * What they know is left as it is: that would be a difference.
 */
export async function learn(db: Db, { servers: listed }: Pick<Snapshot, 'servers'>): Promise<void> {
  const lacks = or(
    and(isNull(servers.ipv4Id), isNotNull(servers.ipv4)),
    and(isNull(servers.ipv6Id), isNotNull(servers.ipv6)),
    isNull(servers.diskGb),
  )
  const standing = and(isNull(servers.deletedAt), isNotNull(servers.externalId), lacks)
  const rows = db.read.select().from(servers).where(standing).all()
  const found = by(listed, ({ id }) => id)
  for (let first = 0; first < rows.length; first += AT_ONCE_MAX) {
    db.write((tx) => {
      for (const row of rows.slice(first, first + AT_ONCE_MAX)) {
        const server = found.get(row.externalId ?? '')
        if (!server) continue
        const { diskGb, ipv4Id, ipv6Id } = server
        const learnt = {
          diskGb: row.diskGb ?? diskGb,
          ipv4Id: row.ipv4Id ?? ipv4Id,
          ipv6Id: row.ipv6Id ?? ipv6Id,
        }
        tx.update(servers).set(learnt).where(eq(servers.id, row.id)).run()
      }
    })
    await nextTurn()
  }
}
