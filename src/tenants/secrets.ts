import { and, eq, inArray, isNotNull, ne, sql } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { inserting, prepared } from '../db/prepared'
import { backups, secrets } from '../db/schema'
import { seal, unseal } from '../secrets'
import type { Services } from '../services'
import { dataKeyPlace, type TenantRow } from './tenant'

type Keeper = Pick<Services, 'settings' | 'log' | 'random'>

/** The name under which the key of a tenant's backups is kept. No setting can be called so, and none gets it. */
export const BACKUP_KEY = 'backup-key'

const insertSecret = inserting(secrets, 'unless there')

/** Seals a tenant's secrets with its own data key and stores those that have no value yet. */
export function storeSecrets(
  tx: Tx,
  keeper: Keeper,
  tenant: TenantRow,
  values: Record<string, string>,
  nowMs: number,
): void {
  const key = dataKey(keeper, tenant)
  for (const [name, value] of Object.entries(values)) {
    keeper.log.hide(value)
    const sealed = seal(key, value, secretPlace(tenant.id, name), keeper.random)
    insertSecret(tx, { tenantId: tenant.id, name, sealed, createdAt: nowMs })
  }
}

const secretsOf = prepared((db) =>
  db
    .select()
    .from(secrets)
    .where(eq(secrets.tenantId, sql.placeholder('tenantId')))
    .prepare(),
)

/** A tenant's secrets in the clear, which the log blots out from now on. */
export function readSecrets(db: Reader, keeper: Keeper, tenant: TenantRow): Record<string, string> {
  const key = dataKey(keeper, tenant)
  const rows = secretsOf(db).all({ tenantId: tenant.id })
  const values: Record<string, string> = {}
  for (const row of rows) {
    values[row.name] = unseal(key, row.sealed, secretPlace(tenant.id, row.name)).toString()
    keeper.log.hide(values[row.name], nextOf(key, row))
  }
  return values
}

/** Seals the values that some secrets are to have next, beside those that they have until then. */
export function storeNextSecrets(
  tx: Tx,
  keeper: Keeper,
  tenant: TenantRow,
  values: Record<string, string>,
): void {
  const key = dataKey(keeper, tenant)
  for (const [name, value] of Object.entries(values)) {
    keeper.log.hide(value)
    const nextSealed = seal(key, value, nextPlace(tenant.id, name), keeper.random)
    tx.update(secrets).set({ nextSealed }).where(secretOf(tenant.id, name)).run()
  }
}

/** A tenant's secrets as they will be: the next values, and those that stay. */
export function readNextSecrets(db: Reader, keeper: Keeper, tenant: TenantRow): Record<string, string> {
  const key = dataKey(keeper, tenant)
  const values = readSecrets(db, keeper, tenant)
  for (const row of changingSecrets(db, tenant.id)) values[row.name] = nextOf(key, row) ?? ''
  return values
}

/** The next values become the values. */
export function keepNextSecrets(tx: Tx, keeper: Keeper, tenant: TenantRow): void {
  const key = dataKey(keeper, tenant)
  for (const row of changingSecrets(tx, tenant.id)) {
    const sealed = seal(key, nextOf(key, row) ?? '', secretPlace(tenant.id, row.name), keeper.random)
    tx.update(secrets).set({ sealed, nextSealed: null }).where(secretOf(tenant.id, row.name)).run()
  }
}

/** The values stay what they are. */
export function dropNextSecrets(tx: Tx, tenantId: string): void {
  tx.update(secrets).set({ nextSealed: null }).where(eq(secrets.tenantId, tenantId)).run()
}

/**
 * Forgets one secret of a tenant, or all of them; the key of its backups stays as long as there are backups that only
 * it opens.
 */
export function destroySecrets(tx: Tx, tenantId: string, name?: string): void {
  if (name) {
    tx.delete(secrets).where(secretOf(tenantId, name)).run()
    return
  }
  const mine = eq(secrets.tenantId, tenantId)
  tx.delete(secrets)
    .where(hasLockedBackups(tx, tenantId) ? and(mine, ne(secrets.name, BACKUP_KEY)) : mine)
    .run()
}

/** Whether a tenant has backups that can't be read without its key. */
export function hasLockedBackups(db: Reader, tenantId: string): boolean {
  const locked = and(
    eq(backups.tenantId, tenantId),
    eq(backups.method, 'app'),
    inArray(backups.status, ['running', 'complete']),
  )
  return db.select({ id: backups.id }).from(backups).where(locked).limit(1).get() !== undefined
}

function changingSecrets(db: Reader, tenantId: string) {
  const changing = and(eq(secrets.tenantId, tenantId), isNotNull(secrets.nextSealed))
  return db.select().from(secrets).where(changing).all()
}

function nextOf(key: Buffer, row: typeof secrets.$inferSelect): string | undefined {
  return row.nextSealed
    ? unseal(key, row.nextSealed, nextPlace(row.tenantId, row.name)).toString()
    : undefined
}

function secretOf(tenantId: string, name: string) {
  return and(eq(secrets.tenantId, tenantId), eq(secrets.name, name))
}

function dataKey(keeper: Keeper, tenant: TenantRow): Buffer {
  return unseal(keeper.settings.encryptionKey, tenant.dataKey, dataKeyPlace(tenant.id))
}

/** Where a tenant's sealed secret is kept. */
export function secretPlace(tenantId: string, name: string): string {
  return `secrets/${tenantId}/${name}`
}

const nextPlace = (tenantId: string, name: string) => `${secretPlace(tenantId, name)}/next`
