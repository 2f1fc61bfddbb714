import { and, eq, notInArray } from 'drizzle-orm'
import type { Reader } from '../db/open'
import { tenants } from '../db/schema'
import { invalid } from '../errors'
import { tenantsTagged } from '../tenants/tags'
import { obstacleOf, TENANT_FACTS } from './facts'
import type { Candidate } from './plan'

const TAG = 'tag:'

/** Every tenant of a blueprint that is there, or will be. */
export function fleetOf(db: Reader, blueprint: string): Omit<Candidate, 'isCanary'>[] {
  const present = notInArray(tenants.status, ['deleting', 'deleted'])
  return db
    .select({
      tenantId: tenants.id,
      subdomain: tenants.subdomain,
      formerReleaseId: tenants.releaseId,
      formerRelease: tenants.release,
      ...TENANT_FACTS,
    })
    .from(tenants)
    .where(and(eq(tenants.blueprint, blueprint), present))
    .all()
    .map(({ status, health, latestRun, isHeld, ...tenant }) => ({
      ...tenant,
      obstacle: obstacleOf({ status, health, latestRun, isHeld }),
    }))
}

type Named = Pick<Candidate, 'tenantId' | 'subdomain'>

/** With who of them is a canary, by name or tag. Throws `invalid` when a word means nobody of the fleet. */
export function withCanaries(
  db: Reader,
  behind: readonly Omit<Candidate, 'isCanary'>[],
  fleet: readonly Named[],
  canaries: readonly string[],
): Candidate[] {
  const { tags = [], names = [] } = Object.groupBy(canaries, (word) =>
    word.startsWith(TAG) ? 'tags' : 'names',
  )
  const tagged = tenantsTagged(
    db,
    tags.map((word) => word.slice(TAG.length)),
  )
  const isNamed = ({ tenantId, subdomain }: Named) => names.includes(tenantId) || names.includes(subdomain)
  const known = new Set(fleet.flatMap(({ tenantId, subdomain }) => [tenantId, subdomain]))
  const unknown = names.findIndex((name) => !known.has(name))
  if (unknown >= 0) refuseCanaries(`Name ${unknown + 1} is no tenant of this blueprint.`)
  if (tags.length > 0 && !fleet.some(({ tenantId }) => tagged.has(tenantId)))
    refuseCanaries('Nobody of this blueprint has such a tag.')
  return behind.map((tenant) => ({ ...tenant, isCanary: isNamed(tenant) || tagged.has(tenant.tenantId) }))
}

function refuseCanaries(words: string): never {
  throw invalid('Some fields need another look.', { canaries: words })
}

/** The releases that those run now who take part. */
export function formersOf(candidates: readonly Candidate[]): (string | null)[] {
  const joining = candidates.filter(({ obstacle }) => obstacle === null)
  return [...new Set(joining.map(({ formerReleaseId }) => formerReleaseId))]
}
