import { GiveUp, insist } from '../patience'
import type { Visitor } from '../visitor'
import { fieldsOf } from './form'
import { followRun } from './run'
import { locationOf, type Scene, type ToldTenant, tenantOf } from './scene'

/** Something that an operator has done to a tenant, with a form on one of its pages. */
export type Deed = {
  /** Under which its steps are told. */
  part: string
  /** The kind of run that it leads to. */
  kind: string
  /** The page with the form and the form's address, after `/admin/tenants/<id>`. */
  page: string
  action: string
  /** What is chosen and typed, besides what the form brings. */
  fields?: Record<string, string>
}

/** Has a deed done and follows its run to the end. */
export async function doDeed(scene: Scene, operator: Visitor, subdomain: string, deed: Deed): Promise<void> {
  const runId = await askFor(scene, operator, subdomain, deed)
  await followRun(scene, operator, { runId, part: deed.part })
}

/**
 * Sends a deed's form; resolves to the run that came of it. When the answer was lost the run is found, and nothing is
 * asked for twice. While something else is being done to the tenant, as by the clock, that is waited for.
 */
export async function askFor(
  scene: Scene,
  operator: Visitor,
  subdomain: string,
  deed: Deed,
): Promise<string> {
  const before = (await insist(scene, () => knownTenant(scene, operator, subdomain))).run?.id
  return insist(scene, async () => {
    const tenant = await knownTenant(scene, operator, subdomain)
    const { run } = tenant
    if (run && run.id !== before && run.kind === deed.kind) return run.id
    if (isBusy(tenant)) throw new Error('Something else is being done to it.')
    const location = await sendForm(scene, operator, tenant, deed)
    return location.replace('/admin/runs/', '')
  })
}

/** Fills in a form of a tenant's pages and sends it; resolves to where that leads. */
export async function sendForm(
  scene: Scene,
  operator: Visitor,
  tenant: ToldTenant,
  deed: Omit<Deed, 'kind'>,
): Promise<string> {
  const base = `/admin/tenants/${tenant.id}`
  const page = await (await operator.get(`${scene.atlas}${base}${deed.page}`)).text()
  const fields = fieldsOf(page, `${base}${deed.action}`)
  if (!fields) throw new Error(`${base}${deed.page} has no form for it.`)
  const answer = await operator.post(`${scene.atlas}${base}${deed.action}`, { ...fields, ...deed.fields })
  if (answer.status === 409 && isBusy(await knownTenant(scene, operator, tenant.subdomain))) {
    throw new Error('Something else is being done to it.')
  }
  return locationOf(answer, `${deed.part} was not accepted`)
}

/** The tenant of that name. Throws when there is none. */
export async function knownTenant(scene: Scene, operator: Visitor, subdomain: string): Promise<ToldTenant> {
  const tenant = await tenantOf(scene, operator, subdomain)
  if (!tenant) throw new GiveUp(`There is no tenant ${subdomain}.`)
  return tenant
}

function isBusy({ run }: ToldTenant): boolean {
  return ['queued', 'running', 'waiting'].includes(run?.status ?? '')
}
