import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { tellStory } from '../../src/cli/demo-story'
import { checkStop } from '../../src/cli/story/check'
import type { Stop } from '../../src/cli/story/life'
import { Voice } from '../../src/cli/voice'
import { backups, outbox, secrets, servers, subscriptions, tenants } from '../../src/db/schema'
import { type SmallDemo, startSmallDemo } from './small-demo'

type Line = { part: string; detail: string }

describe('a whole life', () => {
  const lines: Line[] = []
  let small: SmallDemo
  let exitCode: number

  beforeAll(async () => {
    small = await startSmallDemo()
    const { services, ports } = small
    const voice = new Voice(
      { out: (line) => lines.push(JSON.parse(line)), err: () => {} },
      true,
      services.clock,
    )
    exitCode = await tellStory(services, ports, 'full', voice, new AbortController().signal)
  }, 60_000)
  afterAll(() => small.stop())

  const tenant = () => small.services.db.read.select().from(tenants).get()!
  const check = (change: Partial<Stop> = {}, subdomain = tenant().subdomain) => {
    const mails = small.services.db.read.select().from(outbox).where(eq(outbox.recipient, customer().email))
    const end = { status: 'deleted' as const, plan: 'pro', mails: mails.all().map(({ kind }) => kind) }
    const { db } = small.services
    return checkStop(db, small.clouds.urls.clouds, { ...customer(), subdomain }, { ...end, ...change })
  }
  const customer = () => {
    const { subdomain } = tenant()
    return { subdomain, email: `${subdomain}@example.com`, plan: 'starter' }
  }

  test('is told part by part, to a good end', () => {
    expect(lines.filter(({ part }) => part === 'NOT RIGHT')).toEqual([])
    expect(exitCode).toBe(0)
    const parts = lines.map(({ part }) => part).filter((part) => part !== 'all agree')
    const life = parts.slice(parts.indexOf('site') + 1).filter((part, at, all) => part !== all[at - 1])
    expect(life).toEqual([
      ...['suspended', 'site', 'resumed', 'upgraded', 'plan', 'note', 'backed up', 'note'],
      ...['restored', 'note', 'rotated', 'moved', 'clock', 'moved', 'server', 'deleting', 'cool-off'],
      ...['brought back', 'deleted', 'clock', 'deleted', 'gone'],
    ])
  })

  test('stops again and again, and everything agrees', () => {
    const agreed = lines.filter(({ part }) => part === 'all agree').map(({ detail }) => detail)
    expect(agreed.slice(1).map((words) => words.replace(/, .*, /, ' '))).toEqual([
      ...['suspended 2 mails', 'active 3 mails', 'active 5 mails', 'active 5 mails', 'active 5 mails'],
      ...['active 5 mails', 'active 5 mails', 'deleting 6 mails', 'active 7 mails', 'deleted 9 mails'],
    ])
  })

  test('leaves nothing behind but backups, and Atlas has nothing to complain of', async () => {
    expect(await check()).toEqual([])
    expect(small.clouds.s3.stored().length).toBe(kept().filter(({ method }) => method === 'app').length)
    expect(kept().length).toBeGreaterThan(3)
    expect(small.complaints).toEqual([])
  })

  test('is no other one: another standing, plan, mail or name is noticed', async () => {
    expect(await check({ status: 'active' })).toContain(`${tenant().subdomain} is not an active tenant`)
    expect(await check({ status: 'active', plan: 'starter' })).toContain(
      'the tenant has the plan virtues/pro, not starter',
    )
    expect(await check({ mails: ['welcome'] })).toEqual([
      expect.stringContaining('the mails are brought-back'),
      '9 mails were accepted instead of 1',
    ])
    expect(await check({}, 'nobody')).toEqual(['nobody is no tenant'])
  })

  const kept = () => {
    const complete = eq(backups.status, 'complete')
    return small.services.db.read.select().from(backups).where(complete).all()
  }
  // Each leaves one thing behind, looks whether the check sees it, and takes it away again.
  const LEFT: [what: string, words: string, leave: () => () => unknown][] = [
    [
      'server',
      'Hetzner still has its server',
      () => {
        const order = {
          name: 'left',
          server_type: 'cpx21',
          image: 'debian-13',
          labels: { tenant: tenant().id },
        }
        const { id } = small.clouds.hetzner.seed(order, 0)
        return () => small.clouds.world.table('hetzner_server').delete(id)
      },
    ],
    [
      'address',
      'Hetzner still has its address',
      () => {
        const id = small.services.db.read.select().from(servers).all()[0]!.ipv4Id!
        const addresses = small.clouds.world.table<{ id: string }>('hetzner_primary_ip')
        addresses.put({ id })
        return () => addresses.delete(id)
      },
    ],
    [
      'volume',
      'Hetzner still has its volume',
      () => {
        const { id } = small.clouds.hetzner.seedVolume({
          name: 'left',
          sizeGb: 10,
          labels: { tenant: tenant().id },
        })
        return () => small.clouds.world.table('hetzner_volume').delete(id)
      },
    ],
    [
      'image',
      'images, ',
      () => {
        const { id } = small.clouds.hetzner.seedSnapshot({
          description: 'left',
          labels: { tenant: tenant().id },
        })
        return () => small.clouds.world.table('hetzner_snapshot').delete(id)
      },
    ],
    [
      'record',
      'Route 53 still has its record',
      () => {
        const name = `${tenant().subdomain}.localhost`
        const record = { name, type: 'A' as const, values: ['198.18.9.9'], ttlSeconds: 60 }
        const { dns } = small.services
        const put = dns.upsertRecord(record)
        return () => put.then(() => dns.deleteRecord(record))
      },
    ],
    [
      'subscription',
      'Stripe still has a live subscription',
      () => {
        const all = small.clouds.stripe.store.subscriptions
        const [one] = all.all()
        all.put({ ...one!, status: 'active' })
        return () => all.put(one!)
      },
    ],
    [
      'object',
      'S3 has ',
      () => {
        const objects = small.clouds.world.table<{ id: string; key: string }>('s3_objects')
        objects.put({ id: 'left', key: `x/tenants/${tenant().id}/left.age` })
        return () => objects.delete('left')
      },
    ],
    [
      'secret',
      'the database still has its secrets',
      () => {
        const row = { tenantId: tenant().id, name: 'LEFT', sealed: Buffer.from('x'), createdAt: 0 }
        small.services.db.write((tx) => tx.insert(secrets).values(row).run())
        return () => small.services.db.write((tx) => tx.delete(secrets).where(eq(secrets.name, 'LEFT')).run())
      },
    ],
    [
      'row of a server',
      'the database still has a server',
      () => {
        const set = (deletedAt: number | null) => () =>
          small.services.db.write((tx) => tx.update(servers).set({ deletedAt }).run())
        set(null)()
        return set(1)
      },
    ],
    [
      'row of a subscription',
      'the database does not know that the subscription has ended',
      () => {
        const set = (status: string) => () =>
          small.services.db.write((tx) => tx.update(subscriptions).set({ status }).run())
        set('active')()
        return set('canceled')
      },
    ],
    [
      'mail',
      'a mail was not sent',
      () => {
        const mine = eq(outbox.kind, 'deleted')
        const set = (status: 'sent' | 'failed') => () =>
          small.services.db.write((tx) => tx.update(outbox).set({ status }).where(mine).run())
        set('failed')()
        return set('sent')
      },
    ],
  ]

  test.each(LEFT)('does not end well with a %s left', async (_, words, leave) => {
    const takeAway = leave()
    const problems = async () => (await check()).join()
    while (!(await problems()).includes(words)) await Bun.sleep(10)
    await takeAway()
    while ((await problems()) !== '') await Bun.sleep(10)
  })
})
