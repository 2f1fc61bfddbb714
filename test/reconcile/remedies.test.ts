import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { openCheckout } from '../../src/checkouts/checkout'
import { backups, servers, subscriptions } from '../../src/db/schema'
import { getSignup } from '../../src/signups/signup'
import { ADA, Shore } from './shore'

const HOUR_MS = 3_600_000

let shore: Shore
beforeEach(async () => {
  shore = await Shore.open()
})
afterEach(async () => {
  expect(shore.breaches()).toEqual([])
  await shore.close()
})

/** Looks twice, an hour apart; resolves to what is open. */
async function lookTwice(): Promise<string[]> {
  await shore.look()
  shore.pass(HOUR_MS)
  return shore.look()
}

const rowOf = () => shore.services.db.read.select().from(servers).get()!
const serverOf = () => shore.services.cloud.getServer(rowOf().externalId!)
const ours = () => ({ atlas: shore.services.settings.installationId })

describe('an address without a server', () => {
  test('is given back, but not while a name leads to it', async () => {
    const old = { createdAt: shore.estate.clock.now() - HOUR_MS, labels: ours() }
    const { ip } = shore.estate.clouds.hetzner.seedPrimaryIp(old)
    shore.point('old.localhost', [ip])
    expect(await lookTwice()).toEqual(['address_unassigned:release_address'])
    await expect(shore.apply('address_unassigned')).rejects.toThrow('old.localhost still leads')
    shore.point('old.localhost', [rowOf().ipv4!])
    await shore.apply('address_unassigned')
    expect((await shore.services.cloud.listPrimaryIps()).map((one) => one.ip)).not.toContain(ip)
    expect(shore.ledger()).toContain('deletePrimaryIp done')
  })

  test('that a server got meanwhile stays', async () => {
    const old = { createdAt: shore.estate.clock.now() - HOUR_MS, labels: ours() }
    const { id } = shore.estate.clouds.hetzner.seedPrimaryIp(old)
    await lookTwice()
    const table = shore.estate.clouds.world.table<{ id: string; serverId: string | null }>(
      'hetzner_primary_ip',
    )
    table.put({ ...table.get(id)!, serverId: rowOf().externalId })
    await expect(shore.apply('address_unassigned')).rejects.toThrow('no longer as it was found')
  })
})

describe('an image', () => {
  const seed = () =>
    shore.estate.clouds.hetzner.seedSnapshot({
      description: 'left behind',
      labels: ours(),
      createdAt: shore.estate.clock.now() - HOUR_MS,
    }).id

  test('that no backup is kept in is deleted', async () => {
    const id = seed()
    expect(await lookTwice()).toEqual(['image_left:delete_image'])
    await shore.apply('image_left')
    expect(await shore.services.cloud.getImage(id)).toBeNull()
  })

  test('that turned out to be a backup stays', async () => {
    const imageId = seed()
    await lookTwice()
    const row = {
      id: 'bak_1',
      tenantId: shore.estate.tenantId,
      method: 'image' as const,
      imageId,
      createdAt: 1,
    }
    shore.services.db.write((tx) =>
      tx
        .insert(backups)
        .values({ ...row, reason: 'scheduled', status: 'complete' })
        .run(),
    )
    await expect(shore.apply('image_left')).rejects.toThrow('no longer as it was found')
    expect(await shore.look()).toEqual([])
  })
})

test('a volume of a tenant that is gone is deleted once it is detached', async () => {
  const labels = { ...ours(), tenant: 'ten_lost' }
  const createdAt = shore.estate.clock.now() - HOUR_MS
  const { hetzner, world } = shore.estate.clouds
  const serverId = rowOf().externalId
  const { id } = hetzner.seedVolume({ name: 'data', sizeGb: 10, labels, createdAt, serverId })
  expect(await shore.look()).toEqual(['volume_left:by hand'])
  const table = world.table<{ id: string; serverId: string | null }>('hetzner_volume')
  table.put({ ...table.get(id)!, serverId: null })
  expect(await lookTwice()).toEqual(['volume_left:delete_volume'])
  await shore.apply('volume_left')
  expect(table.size).toBe(0)
})

describe('a server', () => {
  test('that is off is switched on', async () => {
    await shore.services.cloud.powerOff(rowOf().externalId!)
    shore.pass(60_000)
    expect(await shore.look()).toEqual(['server_off:power_on'])
    await shore.apply('server_off')
    shore.pass(60_000)
    expect((await serverOf())?.status).toBe('running')
    expect(await shore.look()).toEqual([])
  })

  test('with backups that its plan does not include loses them after two looks', async () => {
    await shore.services.cloud.setBackups(rowOf().externalId!, true)
    shore.pass(60_000)
    expect(await lookTwice()).toEqual(['backups_differ:backups_off'])
    await shore.apply('backups_differ')
    shore.pass(60_000)
    expect((await serverOf())?.backups).toBe(false)
  })

  test('of a tenant that was given a plan with backups meanwhile keeps them', async () => {
    await shore.services.cloud.setBackups(rowOf().externalId!, true)
    shore.pass(60_000)
    expect(await lookTwice()).toEqual(['backups_differ:backups_off'])
    shore.services.db.sqlite.run("UPDATE tenants SET plan_id = 'virtues/pro'")
    await expect(shore.apply('backups_differ')).rejects.toThrow('no longer as it was found')
    expect((await serverOf())?.backups).toBe(true)
    expect(await shore.look()).not.toContain('backups_differ:backups_off')
  })

  test('that is off stays so when its tenant is suspended meanwhile', async () => {
    await shore.services.cloud.powerOff(rowOf().externalId!)
    shore.pass(60_000)
    expect(await shore.look()).toEqual(['server_off:power_on'])
    shore.services.db.sqlite.run("UPDATE tenants SET status = 'suspended', suspended_for = 'operator'")
    await expect(shore.apply('server_off')).rejects.toThrow('no longer as it was found')
    expect((await serverOf())?.status).toBe('off')
  })

  test('of another type than our row says is noted', async () => {
    const { serverType } = rowOf()
    shore.services.db.sqlite.run("UPDATE servers SET server_type = 'cx11'")
    expect(await shore.look()).toEqual(['server_differs:note_server'])
    await shore.apply('server_differs')
    expect(rowOf().serverType).toBe(serverType)
    expect(await shore.look()).toEqual([])
  })
})

describe('a subscription', () => {
  const mirror = () => shore.services.db.read.select().from(subscriptions).get()!

  test('beside the one that counts is cancelled, and the one that counts is not', async () => {
    const { payments } = shore.estate.stage
    const first = payments.subscriptions.get(mirror().stripeId)!
    payments.subscriptions.set('sub_second', { ...first, id: 'sub_second', createdAt: first.createdAt - 1 })
    expect(await lookTwice()).toEqual(['subscription_second:cancel_subscription'])
    await shore.apply('subscription_second')
    expect(payments.subscriptions.get('sub_second')?.status).toBe('canceled')
    expect(payments.subscriptions.get(first.id)?.status).toBe('active')
    expect(shore.ledger()).toContain('cancelSubscription done')
    expect(await shore.look()).toEqual([])
  })

  test('beside one that has ended meanwhile is the one that pays, and stays', async () => {
    const { payments } = shore.estate.stage
    const first = payments.subscriptions.get(mirror().stripeId)!
    payments.subscriptions.set('sub_second', { ...first, id: 'sub_second', createdAt: first.createdAt - 1 })
    expect(await lookTwice()).toEqual(['subscription_second:cancel_subscription'])
    payments.subscriptions.set(first.id, { ...first, status: 'canceled' })
    await expect(shore.apply('subscription_second')).rejects.toThrow('no longer as it was found')
    expect(payments.subscriptions.get('sub_second')?.status).toBe('active')
  })

  test('of a tenant that is deleted is cancelled, unless the tenant turns out to live', async () => {
    const { db } = shore.services
    const forget = (status: string) =>
      db.sqlite.run(`UPDATE tenants SET status = '${status}', updated_at = 0`)
    db.sqlite.run('DROP TRIGGER tenants_transition')
    forget('deleted')
    db.sqlite.run('UPDATE servers SET deleted_at = 1')
    expect(await lookTwice()).toContain('paid_without_tenant:cancel_subscription')
    forget('active')
    await expect(shore.apply('paid_without_tenant')).rejects.toThrow('no longer as it was found')
    forget('deleted')
    await shore.apply('paid_without_tenant')
    expect(mirror().status).toBe('canceled')
  })

  test('that was paid while Atlas was deaf becomes a paid signup at the next look', async () => {
    const { stage } = shore.estate
    const signupId = stage.signup('grace', 'grace@example.com')
    await openCheckout(stage.services, signupId)
    stage.payments.pay(signupId)
    shore.pass(HOUR_MS)
    expect(await shore.look()).toEqual([])
    expect(getSignup(shore.services.db.read, signupId).status).toBe('paid')
    expect(shore.findings('resolved')).toMatchObject([{ kind: 'payment_forgotten', resolvedBy: 'atlas' }])
  })
})

test('a server left behind goes when its record is gone and forgotten; the tenant beside it is never touched', async () => {
  const id = shore.stray()
  const { ipv4 } = (await shore.services.cloud.getServer(id))!
  shore.point('stray.localhost', [ipv4!])
  expect(await lookTwice()).toEqual(['server_unknown:delete_server', 'record_stray:delete_record'])
  await expect(shore.apply('server_unknown')).rejects.toThrow('stray.localhost still leads')
  await shore.apply('record_stray')
  await expect(shore.apply('server_unknown')).rejects.toThrow('caches still remember it')
  shore.pass(120_000)
  await shore.apply('server_unknown')
  shore.pass(60_000)
  expect(shore.serverNames()).toEqual([rowOf().name])
  expect(shore.records()).toEqual([[`${ADA}.`, [rowOf().ipv4!]]])
})

test('a server left behind stays while a name leads to any address of its IPv6 network', async () => {
  const id = shore.stray()
  const { ipv6 } = (await shore.services.cloud.getServer(id))!
  const value = ipv6!.replace(/::1$/, ':0:0:0:2')
  const record = { name: 'stray.localhost', type: 'AAAA', ttl: 60, values: [value] }
  shore.estate.clouds.route53.seed(record, shore.estate.clock.now() - HOUR_MS)
  expect(await lookTwice()).toContain('server_unknown:delete_server')
  await expect(shore.apply('server_unknown')).rejects.toThrow('stray.localhost still leads')
})
