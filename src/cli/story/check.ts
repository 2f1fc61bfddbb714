import { and, eq, inArray, isNotNull, isNull, ne } from 'drizzle-orm'
import type { Db, Reader } from '../../db/open'
import { backups, dnsRecords, outbox, runs, secrets, servers, subscriptions, tenants } from '../../db/schema'
import { BACKUP_KEY } from '../../tenants/secrets'
import type { TenantRow } from '../../tenants/tenant'
import { type Clouds, checkStory, readClouds } from '../story-check'
import type { Stop } from './life'
import { type Customer, mailsTo } from './scene'

/**
 * Compares a stop of a tenant's life with what must be: beside what every story has, its plan, its backups, its mails,
 * and nothing begun that did not end. Resolves to the differences in words; none when all is well.
 */
export async function checkStop(
  db: Db,
  cloudsUrl: string,
  customer: Customer,
  stop: Stop,
): Promise<string[]> {
  const tenant = db.read.select().from(tenants).where(eq(tenants.subdomain, customer.subdomain)).get()
  if (!tenant) return [`${customer.subdomain} is no tenant`]
  const clouds = await readClouds(cloudsUrl)
  const { status } = stop
  return [
    ...(status === 'deleted'
      ? checkGone(db.read, clouds, customer, tenant)
      : [
          ...(await checkStory(db, cloudsUrl, customer, status)),
          ...checkPlan(clouds, customer, tenant, stop),
        ]),
    ...checkKept(db.read, clouds, tenant),
    ...checkEnded(db.read, tenant, status),
    ...(await checkMails(db.read, cloudsUrl, customer, stop)),
  ]
}

/** Nothing is left but what is kept on purpose: backups, and the key that opens them. */
function checkGone(db: Reader, clouds: Clouds, { email, subdomain }: Customer, tenant: TenantRow): string[] {
  const { id, organizationId } = tenant
  const rows = db.select().from(servers).where(eq(servers.tenantId, id)).all()
  const addresses = new Set(rows.flatMap(({ ipv4Id, ipv6Id }) => [ipv4Id, ipv6Id]))
  const secret = and(eq(secrets.tenantId, id), ne(secrets.name, BACKUP_KEY))
  const named = and(eq(dnsRecords.tenantId, id), isNull(dnsRecords.deletedAt))
  const subscription = db.select().from(subscriptions).where(eq(subscriptions.organizationId, organizationId))
  return lacking([
    [tenant.status === 'deleted', `the tenant is ${tenant.status}, not deleted`],
    [rows.every(({ deletedAt }) => deletedAt !== null), 'the database still has a server'],
    [!db.select().from(dnsRecords).where(named).get(), 'the database still has a record'],
    [!db.select().from(secrets).where(secret).get(), 'the database still has its secrets'],
    [subscription.get()?.status === 'canceled', 'the database does not know that the subscription has ended'],
    [!clouds.servers.some(({ labels }) => labels.tenant === id), 'Hetzner still has its server'],
    [!clouds.volumes.some(({ labels }) => labels.tenant === id), 'Hetzner still has its volume'],
    [!clouds.primaryIps.some((one) => addresses.has(one.id)), 'Hetzner still has its address'],
    [!clouds.records.some(({ name }) => name === `${subdomain}.localhost.`), 'Route 53 still has its record'],
    [
      clouds.subscriptions
        .filter(({ customer }) => customer === email)
        .every(({ status }) => status === 'canceled'),
      'Stripe still has a live subscription',
    ],
  ])
}

function checkPlan(clouds: Clouds, { email }: Customer, tenant: TenantRow, { plan }: Stop): string[] {
  const sold = clouds.subscriptions.find(({ customer }) => customer === email)
  return lacking([
    [tenant.planId.endsWith(`/${plan}`), `the tenant has the plan ${tenant.planId}, not ${plan}`],
    [sold?.price.endsWith(`_${plan}`) ?? false, `Stripe charges ${sold?.price}, not for ${plan}`],
  ])
}

/** Every backup of the database is where it should be, and nothing else is there. */
function checkKept(db: Reader, clouds: Clouds, { id }: TenantRow): string[] {
  const kept = db
    .select()
    .from(backups)
    .where(and(eq(backups.tenantId, id), eq(backups.status, 'complete')))
    .all()
  const objects = clouds.objects.filter(({ key }) => key.includes(`/tenants/${id}/`)).map(({ key }) => key)
  const images = clouds.images.filter(({ labels }) => labels.tenant === id).map((image) => image.id)
  const ours = (place: 'objectKey' | 'imageId') => kept.flatMap((row) => row[place] ?? [])
  return lacking([
    [
      isSame(objects, ours('objectKey')),
      `S3 has ${objects.length} backups, ${ours('objectKey').length} are known`,
    ],
    [
      isSame(images, ours('imageId')),
      `Hetzner has ${images.length} images, ${ours('imageId').length} are known`,
    ],
  ])
}

function checkEnded(db: Reader, { id }: TenantRow, status: Stop['status']): string[] {
  const open = inArray(runs.status, ['queued', 'running', 'waiting', 'failed'])
  const stuck = db
    .select()
    .from(runs)
    .where(and(eq(runs.tenantId, id), open))
    .all()
  const next = and(eq(secrets.tenantId, id), isNotNull(secrets.nextSealed))
  return lacking([
    [status === 'deleting' || stuck.length === 0, `a run is still ${stuck[0]?.status}`],
    [!db.select().from(secrets).where(next).get(), 'a new secret waits to be taken up'],
  ])
}

/** Each mail was written once and accepted once. */
async function checkMails(
  db: Reader,
  clouds: string,
  { email }: Customer,
  { mails }: Stop,
): Promise<string[]> {
  const written = db.select().from(outbox).where(eq(outbox.recipient, email)).all()
  const accepted = (await mailsTo({ clouds }, email)).length
  const kinds = written.map(({ kind }) => kind)
  return lacking([
    [written.every(({ status }) => status === 'sent'), 'a mail was not sent'],
    [isSame(kinds, mails), `the mails are ${kinds.sort().join(', ')}, not ${[...mails].sort().join(', ')}`],
    [accepted === mails.length, `${accepted} mails were accepted instead of ${mails.length}`],
  ])
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join() === [...others].sort().join()
}

function lacking(expected: [holds: boolean, words: string][]): string[] {
  return expected.filter(([holds]) => !holds).map(([, words]) => words)
}
