import { and, eq, or, sql } from 'drizzle-orm'
import { readObjectKey } from '../backups/adopt'
import { keptUntil } from '../backups/removal'
import type { Reader } from '../db/open'
import { prepared } from '../db/prepared'
import { backups, tenants } from '../db/schema'
import type { Known } from './known'
import type { Snapshot } from './snapshot'

export type KnownImage = Pick<
  typeof backups.$inferSelect,
  'id' | 'tenantId' | 'imageId' | 'status' | 'expiresAt'
>
export type KnownCopy = Pick<typeof backups.$inferSelect, 'objectKey' | 'status'>

/** Reads the rows of the backups that were listed; there are far more rows than anything could be said about. */
export function readBackups(
  db: Reader,
  installationId: string,
  { images, objects }: Pick<Snapshot, 'images' | 'objects'>,
): Pick<Known, 'images' | 'copies' | 'keeping'> {
  const places = objects.flatMap(({ key }) => readObjectKey(installationId, key) ?? [])
  const backupIds = JSON.stringify(places.map(({ backupId }) => backupId))
  const tenantIds = JSON.stringify([...new Set(places.map(({ tenantId }) => tenantId))])
  const labelled = JSON.stringify(images.flatMap(({ labels }) => labels.backup ?? []))
  const imageIds = JSON.stringify(images.map(({ id }) => id))
  return {
    images: imagesOf(db).all({ labelled, imageIds }),
    copies: copiesOf(db).all({ backupIds }),
    keeping: new Set(
      keepersAmong(db)
        .all({ tenantIds })
        .map(({ id }) => id),
    ),
  }
}

/** Whether a column has one of the values that a JSON array lists. */
const among = (column: unknown, name: string) =>
  sql`${column} IN (SELECT value FROM json_each(${sql.placeholder(name)}))`

const imagesOf = prepared((db) => {
  const { id, tenantId, imageId, status, method } = backups
  return db
    .select({ id, tenantId, imageId, status, expiresAt: keptUntil() })
    .from(backups)
    .where(and(eq(method, 'image'), or(among(id, 'labelled'), among(imageId, 'imageIds'))))
    .prepare()
})

const copiesOf = prepared((db) => {
  const { id, objectKey, status } = backups
  return db.select({ objectKey, status }).from(backups).where(among(id, 'backupIds')).prepare()
})

const keepersAmong = prepared((db) =>
  db
    .select({ id: tenants.id })
    .from(tenants)
    .where(
      and(
        among(tenants.id, 'tenantIds'),
        eq(tenants.status, 'deleted'),
        sql`EXISTS (SELECT 1 FROM backups WHERE backups.tenant_id = ${tenants.id} AND backups.status = 'complete')`,
      ),
    )
    .prepare(),
)
