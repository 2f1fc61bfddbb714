import { and, count, eq } from 'drizzle-orm'
import type { Db } from '../db/open'
import { dnsRecords, effects, outbox, payments, servers, signups, subscriptions, tenants } from '../db/schema'
import type { Customer } from './story'

/** What the simulated clouds say of themselves at `/control/state.json`, as far as the check needs it. */
type Clouds = {
  servers: {
    id: string
    name: string
    status: string
    machine: { ipv4: string; app: { state: string } } | null
  }[]
  records: { name: string; type: string; values: string[] }[]
  subscriptions: { id: string; status: string; customer: string }[]
}

/**
 * Compares the end of a story with what must be: exactly one of everything in the database, and clouds that agree.
 * Resolves to the differences in words; none when all is well.
 */
export async function checkStory(db: Db, cloudsUrl: string, customer: Customer): Promise<string[]> {
  const tenant = db.read
    .select()
    .from(tenants)
    .where(and(eq(tenants.subdomain, customer.subdomain), eq(tenants.status, 'active')))
    .get()
  if (!tenant) return [`${customer.subdomain} is not an active tenant`]
  const server = db.read.select().from(servers).where(eq(servers.tenantId, tenant.id)).get()
  const subscription = db.read
    .select()
    .from(subscriptions)
    .where(eq(subscriptions.organizationId, tenant.organizationId))
    .get()
  const clouds = (await (await fetch(`${cloudsUrl}/control/state.json`)).json()) as Clouds
  const name = `${customer.subdomain}.localhost`
  const cloudServers = clouds.servers.filter((one) => one.name === server?.name)
  const records = clouds.records.filter((record) => plain(record.name) === name)
  const paid = clouds.subscriptions.filter((one) => one.customer === customer.email)
  const problems: string[] = []
  const must = (holds: boolean, words: string) => holds || problems.push(words)

  for (const [what, found] of Object.entries(countRows(db, customer, tenant))) {
    must(found === 1, `the database has ${found} ${what} instead of one`)
  }
  must(cloudServers.length === 1, `Hetzner has ${cloudServers.length} servers instead of one`)
  must(cloudServers[0]?.id === server?.externalId, 'Hetzner’s server is not the one in the database')
  must(cloudServers[0]?.machine?.app.state === 'running', 'the app does not run on Hetzner’s server')
  must(records.length === 1, `Route 53 has ${records.length} records instead of one`)
  must(records[0]?.values.join() === server?.ipv4, 'the record does not point to the server')
  must(paid.length === 1, `Stripe has ${paid.length} subscriptions instead of one`)
  must(paid[0]?.id === subscription?.stripeId, 'Stripe’s subscription is not the one in the database')
  const welcomes = await countWelcomes(cloudsUrl, customer)
  must(welcomes === 1, `${welcomes} welcome mails were accepted instead of one`)
  return problems
}

function countRows(db: Db, customer: Customer, tenant: typeof tenants.$inferSelect): Record<string, number> {
  const tally = (row: { count: number } | undefined) => row?.count ?? 0
  const { organizationId } = tenant
  return {
    signups: tally(
      db.read
        .select({ count: count() })
        .from(signups)
        .where(and(eq(signups.subdomain, customer.subdomain), eq(signups.status, 'active')))
        .get(),
    ),
    tenants: tally(
      db.read.select({ count: count() }).from(tenants).where(eq(tenants.subdomain, customer.subdomain)).get(),
    ),
    servers: tally(
      db.read.select({ count: count() }).from(servers).where(eq(servers.tenantId, tenant.id)).get(),
    ),
    records: tally(
      db.read.select({ count: count() }).from(dnsRecords).where(eq(dnsRecords.tenantId, tenant.id)).get(),
    ),
    subscriptions: tally(
      db.read
        .select({ count: count() })
        .from(subscriptions)
        .where(eq(subscriptions.organizationId, organizationId))
        .get(),
    ),
    payments: tally(
      db.read
        .select({ count: count() })
        .from(payments)
        .where(eq(payments.organizationId, organizationId))
        .get(),
    ),
    'welcome mails': tally(
      db.read
        .select({ count: count() })
        .from(outbox)
        .where(and(eq(outbox.kind, 'welcome'), eq(outbox.subject, tenant.id), eq(outbox.status, 'sent')))
        .get(),
    ),
  }
}

/** Effects that a crash cut off and that nothing has settled since, for the story's last line. */
export function countCutOff(db: Db): number {
  return (
    db.read.select({ count: count() }).from(effects).where(eq(effects.outcome, 'intended')).get()?.count ?? 0
  )
}

async function countWelcomes(cloudsUrl: string, { email }: Customer): Promise<number> {
  const answer = await fetch(`${cloudsUrl}/mailbox.json?to=${encodeURIComponent(email)}`)
  const { mails } = (await answer.json()) as { mails: { subject: string }[] }
  return mails.filter(({ subject }) => subject.includes('is live')).length
}

const plain = (name: string) => name.replace(/\.$/, '')
