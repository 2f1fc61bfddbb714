import { describe, expect, test } from 'bun:test'
import { objectKeyOf } from '../../src/backups/backup'
import { KINDS } from '../../src/reconcile/difference'
import { describe as inWords, LABELS } from '../../src/reconcile/words'
import { cloudServer, INSTALLATION, JUST_NOW, LONG_AGO, NOW, Sides, sale } from './sides'

type Change = (sides: Sides) => void
const STRANGER = '203.0.113.9'

/** Every difference there is: what brings it about, and what Atlas would do. */
const CASES: [what: string, expected: string[], Change][] = [
  [
    'a server whose tenant nobody knows',
    ['server_unknown:delete_server'],
    (s) => stray(s, { tenant: 'ten_lost' }),
  ],
  ['a second server of a tenant', ['server_second:delete_server'], (s) => stray(s, { tenant: 'ten_0' })],
  [
    'a former server that a move has left',
    ['server_second:delete_server'],
    (s) => {
      s.known.servers.push({ ...s.row, id: 'srv_9', role: 'former', externalId: '1009' })
      stray(s, { tenant: 'ten_0', server: 'srv_9' })
    },
  ],
  [
    'a deleted tenant whose server, name and subscription are still there',
    ['record_stray:delete_record', 'server_left:delete_server', 'paid_without_tenant:cancel_subscription'],
    (s) => s.deleteTenant(),
  ],
  [
    'a server that the cloud has lost: its name leads to an address that anybody may get',
    ['record_dangling:delete_record', 'server_gone:by hand'],
    (s) => s.loseServer(),
  ],
  [
    'a server that our row has forgotten',
    ['server_forgotten:adopt_server'],
    (s) => {
      s.row.externalId = null
    },
  ],
  ['a name that leads nowhere', ['record_missing:restore_record'], (s) => s.snapshot.records.shift()],
  [
    'a name that leads to a stranger',
    ['record_dangling:restore_record'],
    (s) => {
      s.record.values = [STRANGER]
    },
  ],
  [
    'a name that leads to its server and to a stranger',
    ['record_dangling:restore_record'],
    (s) => s.record.values.push(STRANGER),
  ],
  [
    'a name that leads to another of our servers',
    ['record_elsewhere:restore_record'],
    (s) => {
      s.snapshot.servers.push({ ...cloudServer(5), labels: {} })
      s.record.values = [cloudServer(5).ipv4 ?? '']
    },
  ],
  [
    'a name with an address of the other kind that is a stranger’s',
    ['record_dangling:delete_record'],
    (s) => s.snapshot.records.push({ ...s.record, type: 'AAAA', values: ['2001:db8:ffff::1'] }),
  ],
  [
    'a name of nobody that leads to a server with our label',
    ['record_stray:delete_record', 'server_unknown:delete_server'],
    (s) => {
      stray(s, { tenant: 'ten_lost' })
      s.snapshot.records.push({
        ...s.record,
        name: 'stray.sites.example.net',
        values: [cloudServer(9).ipv4 ?? ''],
      })
    },
  ],
  [
    'the name of a tenant that is not live yet and leads to another of our servers',
    ['record_elsewhere:delete_record'],
    (s) => {
      s.tenant.status = 'failed'
      s.record.values = [cloudServer(1).ipv4 ?? '']
    },
  ],
  [
    'a name of nobody that leads to one of our servers',
    ['record_stray:delete_record'],
    (s) => s.snapshot.records.push({ ...s.record, name: 'stray.sites.example.net' }),
  ],
  [
    'a name of nobody that leads to an address that was ours once',
    ['record_dangling:delete_record'],
    (s) => {
      s.known.records.push({ ...s.known.records[0]!, id: 'rec_9', value: STRANGER, deletedAt: LONG_AGO })
      s.snapshot.records.push({ ...s.record, name: 'stray.sites.example.net', values: [STRANGER] })
    },
  ],
  [
    'a name of nobody that leads to a stranger',
    ['record_foreign:by hand'],
    (s) => s.snapshot.records.push({ ...s.record, name: 'stray.sites.example.net', values: [STRANGER] }),
  ],
  [
    'a server that is off',
    ['server_off:power_on'],
    (s) => {
      s.server.status = 'off'
    },
  ],
  [
    'a server of another type',
    ['server_differs:note_server'],
    (s) => {
      s.server.serverType = 'ccx13'
    },
  ],
  [
    'a server too small for its plan, without the plan’s backups, for a plan that is not paid for',
    ['server_small:by hand', 'backups_differ:backups_on', 'plan_differs:by hand'],
    (s) => {
      s.tenant.planId = 'shop/pro'
    },
  ],
  [
    'backups that the plan does not include',
    ['backups_differ:backups_off'],
    (s) => {
      s.server.backups = true
    },
  ],
  [
    'a subscription that is not live any more, and nobody said so',
    ['subscription_differs:sync_money'],
    (s) => s.snapshot.subscriptions.shift(),
  ],
  [
    'a subscription of which nobody told the latest',
    ['subscription_differs:sync_money'],
    (s) => Object.assign(s.sale, { status: 'past_due', unpaidSince: LONG_AGO, cancelAtPeriodEnd: true }),
  ],
  [
    'a subscription that our rows have lost',
    ['subscription_differs:sync_checkout'],
    (s) => s.known.subscriptions.shift(),
  ],
  [
    'two subscriptions of one customer',
    ['subscription_second:cancel_subscription'],
    (s) => s.snapshot.subscriptions.push({ ...sale(0), id: 'sub_old', createdAt: LONG_AGO - 1 }),
  ],
  [
    'an active tenant whose subscription has ended',
    ['tenant_without_payer:sync_money'],
    (s) => {
      s.mirror.status = 'canceled'
      s.snapshot.subscriptions.shift()
    },
  ],
  [
    'a suspended tenant that nobody pays for',
    ['tenant_without_payer:by hand'],
    (s) => {
      s.tenant.status = 'suspended'
      s.mirror.status = 'canceled'
      s.snapshot.subscriptions.shift()
    },
  ],
  [
    'a tenant that is suspended for money and has paid',
    ['tenant_held_back:sync_money'],
    (s) => Object.assign(s.tenant, { status: 'suspended', suspendedFor: 'unpaid' }),
  ],
  [
    'a payment that nobody told',
    ['payment_forgotten:sync_checkout'],
    (s) => {
      s.known.signups.push({
        ...s.signup,
        id: 'sig_9',
        status: 'pending',
        organizationId: null,
        checkoutId: 'cs_9',
      })
      s.snapshot.subscriptions.push({ ...sale(9) })
    },
  ],
  [
    'a payment for a signup that was given up',
    ['paid_without_tenant:cancel_subscription'],
    (s) => {
      s.known.signups.push({ ...s.signup, id: 'sig_9', status: 'expired', organizationId: null })
      s.snapshot.subscriptions.push({ ...sale(9) })
    },
  ],
  [
    'a subscription that names an unknown signup',
    ['subscription_unknown:by hand'],
    (s) => s.snapshot.subscriptions.push(sale(9)),
  ],
  [
    'a price at Stripe that is not the plan’s',
    ['price_differs:by hand'],
    (s) =>
      s.snapshot.prices.set('price_starter', {
        id: 'price_starter',
        amount: 1,
        currency: 'usd',
        interval: 'month',
      }),
  ],
  [
    'a price that Stripe does not have',
    ['price_differs:by hand'],
    (s) => s.snapshot.prices.set('price_starter', null),
  ],
  [
    'a customer who pays another sum than the plan’s',
    ['amount_differs:by hand'],
    (s) => {
      s.sale.amount = 2500
      s.mirror.amount = 2500
    },
  ],
  [
    'an address that was ours and has no server',
    ['address_unassigned:release_address'],
    (s) => {
      s.known.servers.push({
        ...s.row,
        id: 'srv_9',
        role: 'former',
        externalId: '9',
        ipv4Id: '77',
        deletedAt: LONG_AGO,
      })
      s.snapshot.addresses.push(address('77', null))
    },
  ],
  [
    'an image that no backup is kept in',
    ['image_left:delete_image'],
    (s) => s.snapshot.images.push(image({ atlas: INSTALLATION, tenant: 'ten_0' })),
  ],
  [
    'an image whose time is over',
    ['image_left:delete_image'],
    (s) => {
      s.snapshot.images.push(image({ atlas: INSTALLATION }))
      s.known.images.push({
        id: 'bak_1',
        tenantId: 'ten_0',
        imageId: '500',
        status: 'complete',
        expiresAt: NOW - 3 * 86_400_000,
      })
    },
  ],
  [
    'a stored backup that an older database has forgotten',
    ['backup_forgotten:adopt_backup'],
    (s) => s.snapshot.objects.push(object('ten_0')),
  ],
  [
    'the same of a deleted tenant of which others are kept',
    ['backup_forgotten:adopt_backup'],
    (s) => {
      isGone(s)
      s.known.keeping.add('ten_0')
      s.snapshot.objects.push(object('ten_0'))
    },
  ],
  [
    'a stored backup of a deleted tenant of which nothing else is kept',
    ['backup_left:delete_backup'],
    (s) => {
      isGone(s)
      s.snapshot.objects.push(object('ten_0'))
    },
  ],
  [
    'a stored backup of a tenant that nobody knows',
    ['backup_left:delete_backup'],
    (s) => s.snapshot.objects.push(object('ten_lost')),
  ],
  [
    'a stored backup that was removed, and is there',
    ['backup_left:delete_backup'],
    (s) => {
      const { key: objectKey } = object('ten_0')
      s.known.copies.push({ objectKey, status: 'removed' })
      s.snapshot.objects.push(object('ten_0'))
    },
  ],
  [
    'a volume of a tenant that nobody knows',
    ['volume_left:delete_volume'],
    (s) => s.snapshot.volumes.push(volume({ atlas: INSTALLATION, tenant: 'ten_lost' })),
  ],
]

/** What is no difference, though it looks like one. */
const CALM: [what: string, Change][] = [
  ['nothing has happened', () => {}],
  ['a tenant with a live run', (s) => s.known.busy.add('ten_0') && s.loseServer()],
  [
    'a tenant that changed during the look',
    (s) => {
      s.tenant.updatedAt = JUST_NOW
      s.loseServer()
      s.snapshot.subscriptions.shift()
    },
  ],
  ['a server that was made just now', (s) => stray(s, { tenant: 'ten_lost' }, JUST_NOW)],
  [
    'a server that is being deleted',
    (s) => {
      stray(s, { tenant: 'ten_lost' })
      s.snapshot.servers.at(-1)!.status = 'deleting'
    },
  ],
  [
    'a server of somebody else',
    (s) => s.snapshot.servers.push({ ...cloudServer(7), labels: { atlas: 'ins_other' } }),
  ],
  [
    'an address of somebody else without a server',
    (s) => s.snapshot.addresses.push({ ...address('78', null), ip: '198.19.0.1' }),
  ],
  [
    'an address of somebody else that was ours once',
    (s) => {
      const former = { ...s.row, id: 'srv_9', role: 'former' as const, externalId: '9', deletedAt: LONG_AGO }
      const { id, ip } = address('78', null)
      s.known.servers.push({ ...former, ipv4: ip, ipv4Id: '77' })
      s.snapshot.addresses.push({ ...address(id, null), ip })
    },
  ],
  ['an image of somebody else', (s) => s.snapshot.images.push(image({}))],
  ['a daily copy by the cloud itself', (s) => s.snapshot.images.push({ ...image({}), type: 'backup' })],
  [
    'the last image of a living tenant, which outlasts its time, and one whose id nobody heard',
    (s) => {
      const kept = { tenantId: 'ten_0', status: 'complete' as const, expiresAt: null }
      s.known.images.push({ ...kept, id: 'bak_1', imageId: '500' }, { ...kept, id: 'bak_2', imageId: null })
      s.snapshot.images.push(image({ atlas: INSTALLATION }))
      s.snapshot.images.push({ ...image({ atlas: INSTALLATION, backup: 'bak_2' }), id: '501' })
    },
  ],
  [
    'the name of a tenant that failed before it went live, and leads to its server',
    (s) => {
      s.tenant.status = 'failed'
    },
  ],
  [
    'stored backups that are known, whatever became of them, and one that was stored lately',
    (s) => {
      for (const status of ['running', 'complete', 'failed'] as const) {
        const known = object('ten_0', `bak_${status}`)
        s.known.copies.push({ objectKey: known.key, status })
        s.snapshot.objects.push(known)
      }
      s.snapshot.objects.push({ ...object('ten_lost'), createdAt: NOW - 29 * 60_000 })
    },
  ],
  [
    'a forgotten backup of a tenant to which something is being done',
    (s) => {
      s.known.busy.add('ten_0')
      s.snapshot.objects.push(object('ten_0'))
    },
  ],
  [
    'what another Atlas has stored, and what is not named like a backup',
    (s) => {
      const { key } = object('ten_0')
      s.snapshot.objects.push({ ...object('ten_0'), key: key.replace(INSTALLATION, 'ins_2') })
      s.snapshot.objects.push({ ...object('ten_0'), key: `${key}.sum` })
    },
  ],
  [
    'a volume of a living tenant',
    (s) => s.snapshot.volumes.push(volume({ atlas: INSTALLATION, tenant: 'ten_0' })),
  ],
  [
    'names outside of the tenants’ domain, names that no tenant can have, and aliases',
    (s) => {
      s.snapshot.records.push({ ...s.record, name: 'site-0.example.org', values: [STRANGER] })
      s.snapshot.records.push({ ...s.record, name: 'www.sites.example.net', values: [STRANGER] })
      s.snapshot.records.push({ ...s.record, name: 'shop.sites.example.net', values: [] })
    },
  ],
  [
    'the server’s own IPv6 address',
    (s) => s.snapshot.records.push({ ...s.record, type: 'AAAA', values: [s.server.ipv6!] }),
  ],
  [
    'a subscription that Atlas did not sell',
    (s) => s.snapshot.subscriptions.push({ ...sale(9), signupId: null }),
  ],
  [
    'a first payment that never came',
    (s) => s.snapshot.subscriptions.push({ ...sale(9), status: 'incomplete' }),
  ],
  [
    'a row from before the sum was kept',
    (s) => Object.assign(s.mirror, { amount: null, currency: null, interval: null }),
  ],
  ['a row that never knew the ids of addresses', (s) => Object.assign(s.row, { ipv4Id: null, diskGb: null })],
  ['a signup that waits for approval', (s) => waitsForApproval(s)],
  [
    'a tenant that the operator suspended',
    (s) => Object.assign(s.tenant, { status: 'suspended', suspendedFor: 'operator' }),
  ],
  ['a deleted tenant of which nothing is left', (s) => isGone(s)],
]

describe('what differs is found:', () => {
  test.each(CASES)('%s', async (_, expected, change) => {
    const sides = new Sides(3)
    change(sides)
    expect(await sides.kinds()).toEqual(expected)
  })

  test('every kind there is, among these', () => {
    const found = new Set(CASES.flatMap(([, expected]) => expected.map((one) => one.split(':')[0])))
    expect(KINDS.filter((kind) => !found.has(kind))).toEqual([])
  })
})

describe('what is in change, young, or none of ours is no difference:', () => {
  test.each(CALM)('%s', async (_, change) => {
    const sides = new Sides(3)
    change(sides)
    expect(await sides.kinds()).toEqual([])
  })
})

describe('a finding', () => {
  test('says in words what was found and what is to be done, whatever its kind', async () => {
    for (const [, , change] of CASES) {
      const sides = new Sides(3)
      change(sides)
      for (const { kind, facts, remedy } of await sides.found()) {
        const { title, would } = inWords(kind, facts, remedy)
        expect(`${title} ${would}`).not.toMatch(/undefined|null|NaN|\[object/)
        expect(would).toMatch(/^[A-Z].*\.$/)
        expect(LABELS[kind]).not.toBe('')
      }
    }
  })

  test('costs what the server’s type costs there, or what the customer pays; nobody invents a price', async () => {
    const sides = new Sides(1)
    sides.deleteTenant()
    const costs = Object.fromEntries((await sides.found()).map(({ kind, monthly }) => [kind, monthly]))
    expect(costs).toEqual({
      record_stray: null,
      server_left: { amount: 349, currency: 'eur' },
      paid_without_tenant: { amount: 2900, currency: 'usd' },
    })
    sides.server.serverType = 'retired'
    expect((await sides.found()).find(({ kind }) => kind === 'server_left')?.monthly).toBeNull()
  })

  test('of goods is what the cloud asks for them: by address and place, and by the gigabyte', async () => {
    const sides = new Sides()
    const ours = { labels: { atlas: INSTALLATION } }
    sides.snapshot.addresses.push({ ...address('77', null), ...ours })
    sides.snapshot.addresses.push({ ...address('78', null), ...ours, ip: '2001:db8:9::1', type: 'ipv6' })
    sides.snapshot.addresses.push({ ...address('79', null), ...ours, ip: '198.19.0.7', location: 'moon1' })
    sides.snapshot.images.push({ ...image({ atlas: INSTALLATION }), sizeGb: 2.5 })
    sides.snapshot.images.push({ ...image({ atlas: INSTALLATION }), id: '501', sizeGb: null })
    sides.snapshot.volumes.push(volume({ atlas: INSTALLATION, tenant: 'ten_lost' }))
    const costs = (await sides.found()).map(({ externalId, monthly }) => [
      externalId,
      monthly?.amount ?? null,
    ])
    expect(Object.fromEntries(costs)).toEqual({ 77: 50, 78: 0, 79: null, 500: 3, 501: null, 600: 44 })
    expect(new Set((await sides.found()).map(({ monthly }) => monthly?.currency))).toEqual(
      new Set(['eur', undefined]),
    )
  })

  test('of a yearly price costs a twelfth a month', async () => {
    const sides = new Sides(1)
    sides.deleteTenant()
    Object.assign(sides.sale, { interval: 'year', amount: 29_000 })
    Object.assign(sides.mirror, { interval: 'year', amount: 29_000 })
    const paid = (await sides.found()).find(({ kind }) => kind === 'paid_without_tenant')
    expect(paid?.monthly).toEqual({ amount: 2417, currency: 'usd' })
  })

  test('about a sum stands once for all who pay it, with what they pay less', async () => {
    const sides = new Sides(40)
    for (const one of [...sides.snapshot.subscriptions, ...sides.known.subscriptions]) one.amount = 2500
    expect(await sides.found()).toMatchObject([
      { kind: 'amount_differs', facts: { customers: 40 }, monthly: { amount: 16_000, currency: 'usd' } },
    ])
  })

  test('has a key of its own that is the same when it is seen again', async () => {
    const keys = async () => {
      const sides = new Sides(20)
      for (const server of sides.snapshot.servers) server.status = 'off'
      return (await sides.found()).map(({ key }) => key)
    }
    expect(new Set(await keys()).size).toBe(20)
    expect(await keys()).toEqual(await keys())
  })

  test('about a record to be removed is another one when it leads elsewhere', async () => {
    const keyOf = async (value: string) => {
      const sides = new Sides(1)
      sides.snapshot.records.push({ ...sides.record, type: 'AAAA', values: [value] })
      return (await sides.found()).map(({ remedy, key }) => `${remedy} ${key}`)
    }
    const [one, other] = [await keyOf('2001:db8:ffff::1'), await keyOf('2001:db8:fffe::1')]
    expect(one).toEqual([
      'delete_record record_dangling:site-0.sites.example.net AAAA 2001:db8:ffff::1:delete_record',
    ])
    expect(other).not.toEqual(one)
  })
})

test('the work grows with the tenants, not with their square', async () => {
  const reads = async (count: number) => {
    const counted = { reads: 0 }
    const sides = new Sides(count)
    // Some of everything is wrong.
    sides.snapshot.records.splice(0, count / 10)
    sides.snapshot.servers.splice(0, count / 10)
    sides.snapshot.subscriptions.splice(0, count / 10)
    for (const row of sides.known.servers.slice(0, count / 5)) row.externalId = null
    countReads(sides.snapshot.servers, counted)
    countReads(sides.snapshot.records, counted)
    countReads(sides.snapshot.subscriptions, counted)
    countReads(sides.known.tenants, counted)
    countReads(sides.known.servers, counted)
    countReads(sides.known.records, counted)
    countReads(sides.known.signups, counted)
    expect((await sides.found()).length).toBeGreaterThan(count / 10)
    return counted.reads
  }
  const [small, large] = [await reads(100), await reads(4_000)]
  expect(large / small).toBeLessThan(44)
  expect(large).toBeLessThan(4_000 * 200)
})

/** Counts how often anything of these rows is read. */
function countReads<T extends object>(rows: T[], counted: { reads: number }): void {
  rows.forEach((row, index) => {
    rows[index] = new Proxy(row, {
      get: (target, name) => {
        counted.reads += 1
        return Reflect.get(target, name)
      },
    })
  })
}

function stray(sides: Sides, labels: Record<string, string>, createdAt = LONG_AGO): void {
  sides.snapshot.servers.push({ ...cloudServer(9), labels: { atlas: INSTALLATION, ...labels }, createdAt })
}

function address(id: string, serverId: string | null) {
  const place = { location: 'nbg1', labels: {}, createdAt: LONG_AGO }
  return { id, ip: '198.19.0.9', type: 'ipv4' as const, serverId, ...place }
}

function image(labels: Record<string, string>) {
  const status = 'available' as const
  return {
    id: '500',
    type: 'snapshot' as const,
    status,
    description: 'a copy',
    sizeGb: 2,
    serverId: '1000',
    labels,
    createdAt: LONG_AGO,
  }
}

function object(tenantId: string, backupId = 'bak_1') {
  const key = objectKeyOf({ installationId: INSTALLATION }, tenantId, backupId)
  return { key, sizeBytes: 1_000, createdAt: LONG_AGO }
}

function volume(labels: Record<string, string>) {
  return { id: '600', name: 'data', sizeGb: 10, serverId: null, labels, createdAt: LONG_AGO }
}

/** Paid a long time ago, and nobody has looked at it yet. */
function waitsForApproval(sides: Sides): void {
  sides.known.tenants.shift()
  sides.known.servers.shift()
  sides.known.records.shift()
  sides.snapshot.servers.shift()
  sides.snapshot.records.shift()
  sides.signup.status = 'paid'
}

function isGone(sides: Sides): void {
  sides.deleteTenant()
  sides.loseServer()
  sides.snapshot.records.shift()
  sides.snapshot.subscriptions.shift()
  sides.mirror.status = 'canceled'
}

test('others have their turn while many tenants are compared', async () => {
  let turns = 0
  let isOver = false
  const turn = () => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await new Sides(5_000).found()
  isOver = true
  expect(turns).toBeGreaterThan(50)
})
