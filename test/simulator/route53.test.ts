import { describe, expect, test } from 'bun:test'
import { ManualClock } from '../../src/clock'
import { Front } from '../../src/simulator/front'
import { Route53Twin } from '../../src/simulator/route53'
import { BadXml, parse, write } from '../../src/simulator/route53/xml'
import type { Exchange } from '../../src/simulator/twin'
import { World } from '../../src/simulator/world'
import { checkRoute53 } from '../contract/route53'

const SIGNED = {
  authorization: `AWS4-HMAC-SHA256 Credential=AKIATEST/20261122/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
  'x-amz-date': '20261122T120000Z',
}

type Stage = {
  clock: ManualClock
  twin: Route53Twin
  seen: Exchange[]
  call: (method: string, path: string, body?: string, headers?: Record<string, string>) => Promise<Answer>
  change: (...changes: string[]) => Promise<Answer>
}
type Answer = { status: number; body: string; code?: string }

function stage(requestsPerSecond?: number): Stage {
  const clock = new ManualClock()
  const world = new World({ clock })
  const zone = { id: 'Z1', name: 'tenants.example' }
  const twin = new Route53Twin(world, { accessKeyId: 'AKIATEST', zone, requestsPerSecond })
  const front = new Front(world, [twin], async () => null)
  const seen: Exchange[] = []
  front.observe((exchange) => {
    seen.push(exchange)
  })
  const call: Stage['call'] = async (method, path, body, headers = SIGNED) => {
    const request = new Request(`http://clouds/route53/2013-04-01${path}`, { method, body, headers })
    const response = await front.answer(request)
    const text = await response.text()
    return { status: response.status, body: text, code: text.match(/<Code>(\w+)/)?.[1] }
  }
  const change: Stage['change'] = (...changes) => call('POST', '/hostedzone/Z1/rrset', batch(changes))
  return { clock, twin, seen, call, change }
}

function batch(changes: string[]): string {
  const ns = 'https://route53.amazonaws.com/doc/2013-04-01/'
  return `<?xml version="1.0"?><ChangeResourceRecordSetsRequest xmlns="${ns}"><ChangeBatch><Comment>a &amp; b</Comment><Changes>${changes.join('')}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`
}

function one(action: string, name: string, value: string, type = 'A', ttl = 60): string {
  return `<Change><Action>${action}</Action><ResourceRecordSet><Name>${name}</Name><Type>${type}</Type><TTL>${ttl}</TTL><ResourceRecords><ResourceRecord><Value>${value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>`
}

describe('batches', () => {
  test('are applied whole or not at all, and name every problem', async () => {
    const { change, call, seen } = stage()
    await change(one('CREATE', 'a.tenants.example', '198.18.0.1'))
    const refused = await change(
      one('CREATE', 'b.tenants.example', '198.18.0.2'),
      one('CREATE', 'a.tenants.example', '198.18.0.3'),
      one('DELETE', 'c.tenants.example', '198.18.0.4'),
    )
    expect(refused.status).toBe(400)
    expect(refused.code).toBe('InvalidChangeBatch')
    expect(refused.body).toContain('but it already exists')
    expect(refused.body).toContain('but it was not found')
    const listed = await call('GET', '/hostedzone/Z1/rrset')
    expect(listed.body).not.toContain('b.tenants.example')
    expect(listed.body).toContain('198.18.0.1')
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('see their own earlier changes', async () => {
    const { change } = stage()
    await change(one('CREATE', 'a.tenants.example', '198.18.0.1'))
    const moved = await change(
      one('DELETE', 'a.tenants.example', '198.18.0.1'),
      one('CREATE', 'a.tenants.example', 'b.tenants.example', 'CNAME'),
    )
    expect(moved.status).toBe(200)
    const twice = await change(
      one('DELETE', 'a.tenants.example', 'b.tenants.example', 'CNAME'),
      one('DELETE', 'a.tenants.example', 'b.tenants.example', 'CNAME'),
    )
    expect(twice.body).toContain('but it was not found')
  })

  const problems: [string, string, string][] = [
    [
      'a deleted set with another TTL',
      one('DELETE', 'a.tenants.example', '198.18.0.1', 'A', 61),
      'do not match',
    ],
    ['a deleted set with another value', one('DELETE', 'a.tenants.example', '198.18.0.2'), 'do not match'],
    ['a name outside of the zone', one('UPSERT', 'a.other.example', '198.18.0.1'), 'not permitted in zone'],
    [
      'a name that only ends alike',
      one('UPSERT', 'eviltenants.example', '198.18.0.1'),
      'not permitted in zone',
    ],
    [
      'an address that is none',
      one('UPSERT', 'b.tenants.example', '198.18.0.256'),
      'ARRDATAIllegalIPv4Address',
    ],
    ['an IPv4 address in an AAAA', one('UPSERT', 'b.tenants.example', '198.18.0.1', 'AAAA'), 'IllegalIPv6'],
    ['a CNAME beside an A', one('UPSERT', 'a.tenants.example', 'x.example', 'CNAME'), 'conflicting RRSet'],
  ]
  test.each(problems)('refuse %s', async (_, body, message) => {
    const { change } = stage()
    await change(one('CREATE', 'a.tenants.example', '198.18.0.1'))
    const refused = await change(body)
    expect(refused).toMatchObject({ status: 400, code: 'InvalidChangeBatch' })
    expect(refused.body).toContain(message)
  })

  const unreadable: [string, string, string][] = [
    ['no XML', 'hello', 'MalformedInput'],
    ['another root', '<Other xmlns="https://route53.amazonaws.com/doc/2013-04-01/"/>', 'MalformedInput'],
    ['no changes', batch([]), 'InvalidInput'],
    ['an unknown action', batch([one('RENAME', 'a.tenants.example', '198.18.0.1')]), 'InvalidInput'],
    ['a negative TTL', batch([one('UPSERT', 'a.tenants.example', '198.18.0.1', 'A', -1)]), 'InvalidInput'],
    ['an unknown type', batch([one('UPSERT', 'a.tenants.example', '198.18.0.1', 'AA')]), 'InvalidInput'],
    [
      'too much',
      batch(Array(501).fill(one('UPSERT', 'a.tenants.example', '198.18.0.1'))),
      'InvalidChangeBatch',
    ],
  ]
  test.each(unreadable)('refuse %s', async (_, body, code) => {
    expect(await stage().call('POST', '/hostedzone/Z1/rrset', body)).toMatchObject({ status: 400, code })
  })
})

describe('what resolvers are told', () => {
  test('follows a change 20 seconds later, also for replacing and deleting', async () => {
    const { change, clock, twin } = stage()
    await change(one('CREATE', 'a.tenants.example', '198.18.0.1'))
    expect(twin.resolve('a.tenants.example')).toBeUndefined()
    clock.advance(20_000)
    expect(twin.resolve('A.tenants.example.')).toBe('198.18.0.1')
    await change(one('UPSERT', 'a.tenants.example', '198.18.0.2'))
    expect(twin.resolve('a.tenants.example')).toBe('198.18.0.1')
    clock.advance(10_000)
    await change(one('DELETE', 'a.tenants.example', '198.18.0.2'))
    clock.advance(10_000)
    expect(twin.resolve('a.tenants.example')).toBe('198.18.0.2')
    clock.advance(10_000)
    expect(twin.resolve('a.tenants.example')).toBeUndefined()
  })

  test('includes wildcards, but an own record goes first', async () => {
    const { change, clock, twin } = stage()
    await change(
      one('CREATE', '*.tenants.example', '198.18.0.1'),
      one('CREATE', 'a.tenants.example', '198.18.0.2'),
    )
    clock.advance(20_000)
    expect(twin.resolve('x.y.tenants.example')).toBe('198.18.0.1')
    expect(twin.resolve('a.tenants.example')).toBe('198.18.0.2')
    expect(twin.resolve('a.other.example')).toBeUndefined()
  })

  test('shows on the control page as pending until it is so', async () => {
    const { change, clock, twin } = stage()
    await change(one('CREATE', 'a.tenants.example', '198.18.0.1'))
    const insync = () => twin.recordSets().find((set) => set.name === 'a.tenants.example.')?.insync
    expect(insync()).toBe(false)
    clock.advance(20_000)
    expect(insync()).toBe(true)
  })
})

describe('reading', () => {
  test('lists by reversed labels, from a name on, in pages', async () => {
    const { change, call, seen } = stage()
    const names = ['b.a', 'z', 'a', 'a-b', '*']
    await change(...names.map((name) => one('CREATE', `${name}.tenants.example`, '198.18.0.1')))
    const pageOf = async (query: string) => {
      const { body } = await call('GET', `/hostedzone/Z1/rrset${query}`)
      const listed = [...body.matchAll(/<ResourceRecordSet><Name>([^<]+)/g)].map((match) => match[1])
      const [name, type] = [
        body.match(/<NextRecordName>([^<]+)/)?.[1],
        body.match(/<NextRecordType>([^<]+)/)?.[1],
      ]
      return { listed, next: name && `name=${encodeURIComponent(name)}&type=${type}` }
    }
    const whole = await pageOf('?maxitems=300')
    expect(whole.next).toBeUndefined()
    expect(whole.listed.slice(0, 2)).toEqual(['tenants.example.', 'tenants.example.'])
    const walked: (string | undefined)[] = []
    for (let query = '?maxitems=1'; query; ) {
      const { listed, next } = await pageOf(query)
      walked.push(...listed)
      query = next ? `?maxitems=1&${next}` : ''
    }
    expect(walked).toEqual(whole.listed)
    expect(whole.listed).toContain('\\052.tenants.example.')
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('shows the zone and its name servers', async () => {
    const { call, seen } = stage()
    expect((await call('GET', '/hostedzone/Z1')).body).toContain(
      '<NameServer>ns-2048.awsdns-64.com</NameServer>',
    )
    expect((await call('GET', '/hostedzone')).body).toContain('<Id>/hostedzone/Z1</Id>')
    expect((await call('GET', '/hostedzonesbyname?dnsname=tenants.example')).body).toContain('/hostedzone/Z1')
    expect((await call('GET', '/hostedzonesbyname?dnsname=zzz.example')).body).not.toContain('/hostedzone/Z1')
    expect(await call('GET', '/hostedzone/Z2')).toMatchObject({ status: 404, code: 'NoSuchHostedZone' })
    expect(await call('GET', '/change/C0')).toMatchObject({ status: 404, code: 'NoSuchChange' })
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('tells how many record sets the zone has and may have, and knows no other limit', async () => {
    const { call, seen } = stage()
    const { body } = await call('GET', '/hostedzonelimit/Z1/MAX_RRSETS_BY_ZONE')
    expect(body).toContain('<Value>10000</Value>')
    expect(body).toContain('<Count>2</Count>')
    expect((await call('GET', '/hostedzonelimit/Z1/MAX_VPCS_ASSOCIATED_BY_ZONE')).code).toBe(
      'HostedZoneNotPrivate',
    )
    expect((await call('GET', '/hostedzonelimit/Z2/MAX_RRSETS_BY_ZONE')).code).toBe('NoSuchHostedZone')
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('refuses what it does not know', async () => {
    const { call } = stage()
    expect((await call('DELETE', '/hostedzone/Z1')).status).toBe(404)
    expect(await call('GET', '/hostedzone/Z1/rrset?maxitems=0')).toMatchObject({
      status: 400,
      code: 'InvalidInput',
    })
    expect(await call('GET', '/hostedzone/Z1/rrset?type=A')).toMatchObject({
      status: 400,
      code: 'InvalidInput',
    })
  })
})

describe('who may ask', () => {
  const keys: [string, Record<string, string>, string][] = [
    ['nobody', {}, 'MissingAuthenticationToken'],
    ['a signature without a date', { authorization: SIGNED.authorization }, 'MissingAuthenticationToken'],
    ['another scheme', { ...SIGNED, authorization: 'Bearer x' }, 'IncompleteSignature'],
    [
      'another key',
      { ...SIGNED, authorization: SIGNED.authorization.replace('AKIATEST', 'AKIAX') },
      'InvalidClientTokenId',
    ],
    [
      'another region',
      { ...SIGNED, authorization: SIGNED.authorization.replace('us-east-1', 'eu-west-1') },
      'SignatureDoesNotMatch',
    ],
  ]
  test.each(keys)('%s is refused', async (_, headers, code) => {
    const { call, seen } = stage()
    expect(await call('GET', '/hostedzone/Z1/rrset', undefined, headers)).toMatchObject({ status: 403, code })
    expect(seen.flatMap(checkRoute53)).toEqual([])
  })

  test('more than five requests a second are throttled', async () => {
    const { call, clock } = stage(5)
    for (let i = 0; i < 5; i++) expect((await call('GET', '/hostedzone/Z1')).status).toBe(200)
    expect(await call('GET', '/hostedzone/Z1')).toMatchObject({ status: 400, code: 'Throttling' })
    clock.advance(1000)
    expect((await call('GET', '/hostedzone/Z1')).status).toBe(200)
  })
})

describe('XML', () => {
  test('what is written is read back, whatever the text', () => {
    const text = `<a> & "b" 'c' é`
    const root = parse(
      write('Root', [
        ['Child', text],
        ['Empty', ''],
      ]),
    )
    expect(root).toMatchObject({
      name: 'Root',
      children: [
        { name: 'Child', text },
        { name: 'Empty', text: '' },
      ],
    })
  })

  const broken = [
    '',
    'text',
    '<a>',
    '</a>',
    '<a></b>',
    '<a/><b/>',
    '<a>x<b/></a>',
    '<a><b/>x</a>',
    '<a>&evil;</a>',
    '<!DOCTYPE a><a/>',
    '<a',
    `${'<a>'.repeat(50)}${'</a>'.repeat(50)}`,
  ]
  test.each(broken)('refuses %p', (document) => {
    expect(() => parse(document)).toThrow(BadXml)
  })
})

describe('the contract check', () => {
  const good = async () => {
    const { change, seen } = stage()
    await change(one('CREATE', 'a.tenants.example', '198.18.0.1'))
    return seen[0] as Exchange
  }
  const breaks: [string, (exchange: Exchange) => Exchange][] = [
    ['an unknown path', (e) => ({ ...e, path: '/2013-04-01/zones' })],
    ['an unknown query parameter', (e) => ({ ...e, path: `${e.path}?page=2` })],
    [
      'a request without an action',
      (e) => ({ ...e, requestBody: e.requestBody.replace(/<Action>.*?<.Action>/, '') }),
    ],
    [
      'a request with an unknown member',
      (e) => ({ ...e, requestBody: e.requestBody.replaceAll('TTL', 'Ttl') }),
    ],
    ['a TTL in words', (e) => ({ ...e, requestBody: e.requestBody.replace('>60<', '>sixty<') })],
    [
      'an answer of another operation',
      (e) => ({
        ...e,
        responseBody: e.responseBody.replaceAll('ChangeResourceRecordSetsResponse', 'GetChangeResponse'),
      }),
    ],
    [
      'an answer without a status',
      (e) => ({ ...e, responseBody: e.responseBody.replace(/<Status>.*?<.Status>/, '') }),
    ],
    ['a date in another form', (e) => ({ ...e, responseBody: e.responseBody.replace(/T\d\d:/, ' ') })],
    ['an answer that is cut off', (e) => ({ ...e, responseBody: e.responseBody.slice(0, -5) })],
    [
      'an unknown error',
      (e) => ({
        ...e,
        status: 400,
        responseBody: write('ErrorResponse', [
          [
            'Error',
            [
              ['Type', 'Sender'],
              ['Code', 'Nope'],
              ['Message', ''],
            ],
          ],
          ['RequestId', 'r'],
        ]),
      }),
    ],
  ]

  test('accepts the real thing', async () => {
    expect(checkRoute53(await good())).toEqual([])
  })

  test.each(breaks)('rejects %s', async (_, breakIt) => {
    expect(checkRoute53(breakIt(await good()))).not.toEqual([])
  })
})
