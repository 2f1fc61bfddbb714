import { GiveUp, type Patience } from '../patience'
import type { Visitor } from '../visitor'

/** Where a story takes place: addresses only, so that it can be lived against any running Atlas. */
export type Scene = Patience & {
  atlas: string
  clouds: string
  tenants: string
  adminEmail: string
  /** Called when a part of the story is over. */
  tell: (part: string, detail?: string) => void
}

export type Customer = { subdomain: string; email: string; plan: string }

/** Who lives it, each in a browser of their own. */
export type People = { visitor: Visitor; operator: Visitor }

/** A tenant as the API tells it, as far as stories need it. */
export type ToldTenant = {
  id: string
  subdomain: string
  status: string
  plan_id: string
  server: { name: string; external_id: string | null; ipv4: string | null } | null
  run: { id: string; kind: string; status: string } | null
}

type ReadMail = { to: string[]; subject: string; html: string; text: string }

/** The tenant of that name with everything that is told of it; undefined when there is none. */
export async function tenantOf(
  scene: Scene,
  operator: Visitor,
  subdomain: string,
): Promise<ToldTenant | undefined> {
  const path = `/api/admin/tenants?q=${subdomain}`
  const { tenants } = await readJson<{ tenants: ToldTenant[] }>(scene, operator, path)
  const found = tenants.find((tenant) => tenant.subdomain === subdomain)
  return found && readJson<ToldTenant>(scene, operator, `/api/admin/tenant/${found.id}`)
}

/** What Atlas's API answers to somebody who is signed in. Throws when it refuses. */
export async function readJson<T>({ atlas }: Scene, operator: Visitor, path: string): Promise<T> {
  const answer = await operator.get(`${atlas}${path}`)
  if (!answer.ok) throw new Error(`${path} answers with ${answer.status}.`)
  return (await answer.json()) as T
}

/** The mails that an address has got, newest first. */
export async function mailsTo({ clouds }: Pick<Scene, 'clouds'>, email: string): Promise<ReadMail[]> {
  const answer = await fetch(`${clouds}/mailbox.json?to=${encodeURIComponent(email)}`)
  return ((await answer.json()) as { mails: ReadMail[] }).mails
}

/** Where an answer leads. Throws `GiveUp` when it was refused in a way that no repetition mends. */
export function locationOf(answer: Response, problem: string): string {
  const location = answer.headers.get('location')
  if (answer.status === 303 && location) return location
  const words = `${problem} (${answer.status}).`
  const isFinal = answer.status >= 400 && answer.status < 500 && answer.status !== 429
  throw isFinal ? new GiveUp(words) : new Error(words)
}
