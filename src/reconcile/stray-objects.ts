import { sql } from 'drizzle-orm'
import { storageOf } from '../backups/address'
import { prefixOf, readObjectKey } from '../backups/adopt'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { backups } from '../db/schema'
import type { ListedObject } from '../providers/objects'
import type { Services } from '../services'

/**
 * Lists the stored backups of this installation, page by page; resolves to how many there are and to those that no row
 * of ours keeps. Throws what the storage throws.
 */
export async function listStrayObjects(
  services: Services,
): Promise<{ seen: number; strays: ListedObject[] }> {
  const { db, settings } = services
  const { installationId } = settings
  const strays: ListedObject[] = []
  let seen = 0
  await storageOf(services).list(prefixOf(installationId), (page) => {
    seen += page.length
    const kept = keptAmong(db.read, installationId, page)
    strays.push(...page.filter(({ key }) => !kept.has(key)))
  })
  return { seen, strays }
}

function keptAmong(db: Reader, installationId: string, page: readonly ListedObject[]): Set<string | null> {
  const ids = page.flatMap(({ key }) => readObjectKey(installationId, key)?.backupId ?? [])
  const rows = keptOf(db).all({ ids: JSON.stringify(ids) })
  return new Set(rows.map(({ objectKey }) => objectKey))
}

const keptOf = prepared((db) =>
  db
    .select({ objectKey: backups.objectKey })
    .from(backups)
    .where(
      sql`${backups.id} IN (SELECT value FROM json_each(${sql.placeholder('ids')})) AND ${backups.status} <> 'removed'`,
    )
    .prepare(),
)
