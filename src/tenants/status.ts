import type { tenants } from '../db/schema'
import { conflict } from '../errors'

export type TenantStatus = typeof tenants.$inferSelect.status

/** Every transition a tenant may make; migrations hold the same list as a trigger. */
export const TENANT_TRANSITIONS: Record<TenantStatus, readonly TenantStatus[]> = {
  provisioning: ['active', 'failed', 'deleting'],
  failed: ['provisioning', 'deleting'],
  active: ['suspended', 'deleting'],
  suspended: ['active', 'deleting'],
  // Back to what it was: in the cool-off of a deletion.
  deleting: ['deleted', 'active', 'suspended'],
  deleted: [],
}

/** Throws `conflict` with the reason when a tenant may not go from one status to another. */
export function checkTenantTransition(from: TenantStatus, to: TenantStatus): void {
  if (TENANT_TRANSITIONS[from].includes(to)) return
  throw conflict(`A tenant that is ${from} can't become ${to}.`)
}

/**
 * Throws `conflict` with the reason when a tenant is in none of the statuses in which something can be done to it.
 * `what` is said as in 'Only an active tenant can be suspended.'
 */
export function requireTenant(
  { subdomain, status }: { subdomain: string; status: TenantStatus },
  allowed: readonly TenantStatus[],
  what: string,
): void {
  if (allowed.includes(status)) return
  throw conflict(`${subdomain} is ${IN_WORDS[status]}. Only ${listed(allowed)} can be ${what}.`)
}

const IN_WORDS: Record<TenantStatus, string> = {
  provisioning: 'being provisioned',
  active: 'active',
  suspended: 'suspended',
  failed: 'not provisioned: its provisioning failed',
  deleting: 'being deleted',
  deleted: 'deleted',
}

function listed(statuses: readonly TenantStatus[]): string {
  const words = statuses.join(' or ')
  return `${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words} tenant`
}
