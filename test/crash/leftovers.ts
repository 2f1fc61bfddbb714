import { eq, ne } from 'drizzle-orm'
import type { Db } from '../../src/db/open'
import { outbox, runs, servers, subscriptions, tenants } from '../../src/db/schema'

/** What the simulated clouds hold, as far as it can be left over. */
export type CloudState = {
  servers: { id: string; name: string }[]
  records: { name: string; values: string[] }[]
  subscriptions: { id: string }[]
}

/** Resolves to what `/control/state.json` of the clouds says. */
export async function readClouds(url: string): Promise<CloudState> {
  return (await (await fetch(`${url}/control/state.json`)).json()) as CloudState
}

/** Everything in the clouds that no live tenant accounts for, or is missing there, in words. */
export function leftovers(db: Db, clouds: CloudState): string[] {
  const live = db.read
    .select({
      server: servers.externalId,
      subdomain: tenants.subdomain,
      subscription: subscriptions.stripeId,
    })
    .from(tenants)
    .innerJoin(servers, eq(servers.tenantId, tenants.id))
    .innerJoin(subscriptions, eq(subscriptions.organizationId, tenants.organizationId))
    .where(eq(tenants.status, 'active'))
    .all()
  const compare = (what: string, ours: (string | null)[], theirs: string[]) => [
    ...theirs.filter((id) => count(theirs, id) > count(ours, id)).map((id) => `${what} ${id} is nobody’s`),
    ...ours.filter((id) => count(ours, id) > count(theirs, id)).map((id) => `${what} ${id} is missing`),
  ]
  return [
    ...compare(
      'the server',
      live.map(({ server }) => server),
      clouds.servers.map(({ id }) => id),
    ),
    ...compare(
      'the record',
      live.map(({ subdomain }) => `${subdomain}.localhost.`),
      clouds.records.map(({ name }) => name),
    ),
    ...compare(
      'the subscription',
      live.map(({ subscription }) => subscription),
      clouds.subscriptions.map(({ id }) => id),
    ),
  ]
}

/** Runs and mails that did not come to their good end, in words. */
export function unfinished(db: Db): string[] {
  const stuck = db.read.select().from(runs).where(ne(runs.status, 'succeeded')).all()
  const unsent = db.read.select().from(outbox).where(ne(outbox.status, 'sent')).all()
  return [
    ...stuck.map((run) => `the run ${run.id} is ${run.status} at ${run.step}: ${run.reason}`),
    ...unsent.map((mail) => `the mail ${mail.kind} for ${mail.subject} is ${mail.status}: ${mail.reason}`),
  ]
}

const count = (list: (string | null)[], id: string | null) => list.filter((one) => one === id).length
