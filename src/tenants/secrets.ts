import { and, eq } from 'drizzle-orm'
import type { Reader, Tx } from '../db/open'
import { secrets } from '../db/schema'
import { seal, unseal } from '../secrets'
import type { Services } from '../services'
import { dataKeyPlace, type TenantRow } from './tenant'

type Keeper = Pick<Services, 'settings' | 'log' | 'random'>

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
    tx.insert(secrets)
      .values({
        tenantId: tenant.id,
        name,
        sealed: seal(key, value, secretPlace(tenant.id, name), keeper.random),
        createdAt: nowMs,
      })
      .onConflictDoNothing()
      .run()
  }
}

/** A tenant's secrets in the clear, which the log blots out from now on. */
export function readSecrets(db: Reader, keeper: Keeper, tenant: TenantRow): Record<string, string> {
  const key = dataKey(keeper, tenant)
  const rows = db.select().from(secrets).where(eq(secrets.tenantId, tenant.id)).all()
  const values: Record<string, string> = {}
  for (const row of rows) {
    values[row.name] = unseal(key, row.sealed, secretPlace(tenant.id, row.name)).toString()
    keeper.log.hide(values[row.name])
  }
  return values
}

/** Forgets one secret of a tenant, or all of them. */
export function destroySecrets(tx: Tx, tenantId: string, name?: string): void {
  const mine = eq(secrets.tenantId, tenantId)
  tx.delete(secrets)
    .where(name ? and(mine, eq(secrets.name, name)) : mine)
    .run()
}

function dataKey(keeper: Keeper, tenant: TenantRow): Buffer {
  return unseal(keeper.settings.encryptionKey, tenant.dataKey, dataKeyPlace(tenant.id))
}

/** Where a tenant's sealed secret is kept. */
export function secretPlace(tenantId: string, name: string): string {
  return `secrets/${tenantId}/${name}`
}
