import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { openDataBeside } from '../../src/atlas/data-dir'
import { demo } from '../../src/cli/demo'
import { liveStory } from '../../src/cli/story'
import { checkStory } from '../../src/cli/story-check'
import { outbox, payments, subscriptions, tenants } from '../../src/db/schema'
import { CLOUD_KEYS } from '../../src/demo/environment'
import { serverOf } from '../../src/tenants/tenant'
import { ADA, type SmallDemo, startSmallDemo } from './small-demo'

describe('a story', () => {
  let small: SmallDemo
  beforeAll(async () => {
    small = await startSmallDemo()
    await liveStory(small.scene, ADA)
  }, 20_000)
  afterAll(() => small.stop())

  const check = (customer = ADA) => checkStory(small.services.db, small.clouds.urls.clouds, customer)
  const tenant = () => {
    const found = small.services.db.read
      .select()
      .from(tenants)
      .where(eq(tenants.subdomain, ADA.subdomain))
      .get()
    if (!found) throw new Error('no tenant')
    return found
  }

  test('tells its parts in their order, and every step of provisioning', () => {
    const parts = small.told.map(([part]) => part)
    expect(parts.filter((part) => part !== 'provisioned')).toEqual([
      ...['landing page', 'name', 'signed up', 'paid', 'operator', 'approved'],
      ...['live', 'welcome mail', 'site'],
    ])
    expect(parts.filter((part) => part === 'provisioned').length).toBeGreaterThan(8)
  })

  test('ends with exactly one of everything, and Atlas has nothing to complain of', async () => {
    expect(await check()).toEqual([])
    expect(small.complaints).toEqual([])
  })

  test('that nobody lived is not all right', async () => {
    expect(await check({ ...ADA, subdomain: 'nobody' })).toEqual(['nobody is not an active tenant'])
  })

  // Each breaks one thing, looks whether the check sees it, and mends it again.
  test('with a second server at Hetzner is not all right', async () => {
    const serverId = await orderServer(small.clouds.urls.clouds, tenant().id)
    expect(await check()).toEqual(['Hetzner has 2 servers instead of one'])
    small.clouds.world.table('hetzner_server').delete(serverId)
    expect(await check()).toEqual([])
  })

  test('whose record is gone, or points elsewhere, is not all right', async () => {
    const { dns } = small.services
    const record = await dns.findRecord(`${ADA.subdomain}.localhost`, 'A')
    if (!record) throw new Error('no record')
    await dns.deleteRecord(record)
    expect(await check()).toEqual([
      'Route 53 has 0 records instead of one',
      'the record does not point to the server',
    ])
    await dns.upsertRecord({ ...record, values: ['198.18.9.9'] })
    expect(await check()).toEqual(['the record does not point to the server'])
    await dns.upsertRecord(record)
    expect(await check()).toEqual([])
  })

  test('whose app stands still is not all right', async () => {
    const { externalId } = serverOf(small.services.db.read, tenant().id)
    small.clouds.machines.kill(externalId ?? '')
    expect(await check()).toEqual(['the app does not run on Hetzner’s server'])
    small.clouds.machines.resume(externalId ?? '')
    while ((await check()).length > 0) await Bun.sleep(10)
  })

  test('with a second subscription at Stripe is not all right', async () => {
    const { stripe } = small.clouds
    const payer = { email: ADA.email, name: 'Ada' }
    const sale = { at: small.services.clock.now(), priceId: 'price_virtues_starter', payer, metadata: {} }
    const { subscription } = stripe.seed({ ...sale, clientReferenceId: 'x', successUrl: 'http://localhost/' })
    expect(await check()).toEqual(['Stripe has 2 subscriptions instead of one'])
    stripe.store.subscriptions.delete(subscription.id)
    expect(await check()).toEqual([])
  })

  test('with a row too many or too few in the database is not all right', async () => {
    const { db } = small.services
    const { organizationId } = tenant()
    const paid = db.read.select().from(payments).where(eq(payments.organizationId, organizationId)).get()!
    db.write((tx) =>
      tx
        .insert(payments)
        .values({ ...paid, id: 'pay_2', stripeInvoiceId: 'in_2' })
        .run(),
    )
    expect(await check()).toEqual(['the database has 2 payments instead of one'])
    db.write((tx) => tx.delete(payments).where(eq(payments.id, 'pay_2')).run())
    const welcome = eq(outbox.kind, 'welcome')
    db.write((tx) => tx.update(outbox).set({ status: 'failed' }).where(welcome).run())
    expect(await check()).toEqual(['the database has 0 welcome mails instead of one'])
    db.write((tx) => tx.update(outbox).set({ status: 'sent' }).where(welcome).run())
    db.write((tx) => tx.update(subscriptions).set({ stripeId: 'sub_other' }).run())
    expect(await check()).toEqual(['Stripe’s subscription is not the one in the database'])
  })
})

/** Orders a server for a tenant behind Atlas's back; resolves to its id. */
async function orderServer(cloudsUrl: string, tenantId: string): Promise<string> {
  const order = {
    name: `double-${tenantId.slice(-6)}`,
    server_type: 'cpx21',
    image: 'debian-13',
    location: 'nbg1',
  }
  const made = await fetch(`${cloudsUrl}/hetzner/v1/servers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLOUD_KEYS.hetzner}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...order, labels: { tenant: tenantId } }),
  })
  expect(made.status).toBe(201)
  const { server } = (await made.json()) as { server: { id: number } }
  return String(server.id)
}

test('`atlas demo --story` says what is not right and exits 1', async () => {
  const data = mkdtempSync(join(tmpdir(), 'atlas-story-'))
  const lines: { part?: string; detail?: string; addresses?: { simulator: string } }[] = []
  const meddling = Promise.withResolvers<string>()
  const meddle = () => {
    const db = openDataBeside(data)
    const tenant = db.read.select().from(tenants).get()
    db.close()
    return orderServer(lines[0]?.addresses?.simulator.slice(0, -1) ?? '', tenant?.id ?? '')
  }
  const out = (line: string) => {
    const said = JSON.parse(line)
    lines.push(said)
    if (said.part === 'approved') meddle().then(meddling.resolve, meddling.reject)
  }
  const args = ['--story', '--json', '--port', '0', '--speed', '100', '--data', data]
  try {
    const exitCode = await demo(args, { out, err: () => {} }, new AbortController().signal)
    await meddling.promise
    expect(exitCode).toBe(1)
    const wrongs = lines.filter(({ part }) => part === 'NOT RIGHT').map(({ detail }) => detail)
    expect(wrongs).toContain('Hetzner has 2 servers instead of one')
  } finally {
    rmSync(data, { recursive: true })
  }
}, 20_000)
