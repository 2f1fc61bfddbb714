import { and, count, eq, isNull, type SQL } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Db } from '../db/open'
import { dnsRecords, outbox, payments, servers, signups, subscriptions, tenants } from '../db/schema'
import { serverOf, type TenantRow } from '../tenants/tenant'
import type { Customer } from './story/scene'

/** What the simulated clouds say of themselves at `/control/state.json`, as far as the check needs it. */
export type Clouds = {
  servers: {
    id: string
    labels: Record<string, string>
    machine: { ipv4: string; app: { state: string } } | null
  }[]
  records: { name: string; values: string[] }[]
  subscriptions: { id: string; customer: string; status: string; price: string }[]
  primaryIps: { id: string }[]
  volumes: { labels: Record<string, string> }[]
  images: { id: string; type: string; labels: Record<string, string> }[]
  objects: { key: string }[]
}

/** How the tenant of a story stands: live, or on one of the ways out of that. */
export type Standing = 'active' | 'suspended' | 'deleting'

/**
 * Compares a story with what must be: exactly one of everything in the database, and clouds that agree. Resolves to the
 * differences in words; none when all is well.
 */
export async function checkStory(
  db: Db,
  cloudsUrl: string,
  customer: Customer,
  standing: Standing = 'active',
): Promise<string[]> {
  const standsSo = and(eq(tenants.subdomain, customer.subdomain), eq(tenants.status, standing))
  const tenant = db.read.select().from(tenants).where(standsSo).get()
  if (!tenant) return [`${customer.subdomain} is not ${article(standing)} tenant`]
  return [...checkDatabase(db, customer, tenant), ...(await checkClouds(db, cloudsUrl, customer, tenant))]
}

/** Everything that the simulated clouds hold. */
export async function readClouds(cloudsUrl: string): Promise<Clouds> {
  return (await (await fetch(`${cloudsUrl}/control/state.json`)).json()) as Clouds
}

function article(standing: Standing): string {
  return standing === 'active' ? 'an active' : `a ${standing}`
}

function checkDatabase(db: Db, { subdomain }: Customer, { id, organizationId }: TenantRow): string[] {
  const countOf = (table: SQLiteTable, ...where: SQL[]) =>
    db.read
      .select({ count: count() })
      .from(table)
      .where(and(...where))
      .get()?.count ?? 0
  const counts = {
    signups: countOf(signups, eq(signups.subdomain, subdomain), eq(signups.status, 'active')),
    tenants: countOf(tenants, eq(tenants.subdomain, subdomain)),
    servers: countOf(servers, eq(servers.tenantId, id), isNull(servers.deletedAt)),
    records: countOf(dnsRecords, eq(dnsRecords.tenantId, id), isNull(dnsRecords.deletedAt)),
    subscriptions: countOf(subscriptions, eq(subscriptions.organizationId, organizationId)),
    payments: countOf(payments, eq(payments.organizationId, organizationId)),
    'welcome mails': countOf(
      outbox,
      eq(outbox.kind, 'welcome'),
      eq(outbox.subject, id),
      eq(outbox.status, 'sent'),
    ),
  }
  return Object.entries(counts)
    .filter(([, found]) => found !== 1)
    .map(([what, found]) => `the database has ${found} ${what} instead of one`)
}

async function checkClouds(
  db: Db,
  cloudsUrl: string,
  { email, subdomain }: Customer,
  { id, organizationId, status }: TenantRow,
): Promise<string[]> {
  const clouds = await readClouds(cloudsUrl)
  const owned = clouds.servers.filter(({ labels }) => labels.tenant === id)
  const records = clouds.records.filter(({ name }) => name === `${subdomain}.localhost.`)
  const paid = clouds.subscriptions.filter(({ customer }) => customer === email)
  const welcomes = await countWelcomes(cloudsUrl, email)
  const server = serverOf(db.read, id)
  const mine = eq(subscriptions.organizationId, organizationId)
  const subscription = db.read.select().from(subscriptions).where(mine).get()
  const app = status === 'suspended' ? 'stopped' : 'running'
  const expected: [holds: boolean, words: string][] = [
    [owned.length === 1, `Hetzner has ${owned.length} servers instead of one`],
    [owned[0]?.id === server.externalId, 'Hetzner’s server is not the one in the database'],
    [owned[0]?.machine?.ipv4 === server.ipv4, 'Hetzner’s server has another address than in the database'],
    [
      owned[0]?.machine?.app.state === app,
      `the app does not ${status === 'suspended' ? 'stand still' : 'run'} on Hetzner’s server`,
    ],
    [records.length === 1, `Route 53 has ${records.length} records instead of one`],
    [records[0]?.values.join() === server.ipv4, 'the record does not point to the server'],
    [paid.length === 1, `Stripe has ${paid.length} subscriptions instead of one`],
    [paid[0]?.id === subscription?.stripeId, 'Stripe’s subscription is not the one in the database'],
    [welcomes === 1, `${welcomes} welcome mails were accepted instead of one`],
  ]
  return expected.filter(([holds]) => !holds).map(([, words]) => words)
}

async function countWelcomes(cloudsUrl: string, email: string): Promise<number> {
  const answer = await fetch(`${cloudsUrl}/mailbox.json?to=${encodeURIComponent(email)}`)
  const { mails } = (await answer.json()) as { mails: { subject: string }[] }
  return mails.filter(({ subject }) => subject.includes('is live')).length
}
