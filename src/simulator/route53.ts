import type { Fault } from './faults'
import { Rate } from './rate'
import { answerTo, ok, opaqueId, Refusal } from './route53/answers'
import { readChangeBatch } from './route53/batch'
import type { Content } from './route53/xml'
import { byPosition, canonicalName, NAME_SERVERS, type RecordSet, Zone } from './route53/zone'
import type { Twin } from './twin'
import type { World } from './world'

export type Route53Options = {
  accessKeyId: string
  zone: { id: string; name: string }
  /** Route 53 allows five requests a second and account; no limit when absent. */
  requestsPerSecond?: number
}

type StoredChange = { id: string; submittedAtMs: number; insyncAtMs: number; comment?: string }
type Call = { params: string[]; query: URLSearchParams; request: Request }

const INSYNC_AFTER_MS = 20_000
const ITEMS_MAX = 300

/** Amazon Route 53 (2013-04-01) with one hosted zone; the shapes are those of the published service model. */
export class Route53Twin implements Twin {
  readonly name = 'route53'
  readonly prefix = '/route53'
  private readonly zone: Zone
  private readonly rate: Rate

  constructor(
    private readonly world: World,
    private readonly options: Route53Options,
  ) {
    this.zone = new Zone(world, options.zone.id, canonicalName(options.zone.name))
    this.rate = new Rate(world, options.requestsPerSecond)
  }

  /** The address that the name servers give for a host now, if they know it. */
  resolve(hostname: string): string | undefined {
    return this.zone.answer(hostname, 'A')?.values[0]
  }

  /** Puts a record set there that was changed at `submittedAtMs` and has spread since; returns the change's id. */
  seed(set: RecordSet, submittedAtMs: number): string {
    const insyncAtMs = submittedAtMs + INSYNC_AFTER_MS
    this.zone.seed({ ...set, name: canonicalName(set.name) }, insyncAtMs)
    return this.recordChange({ submittedAtMs, insyncAtMs }).id
  }

  /** Every record set, for the control page. */
  recordSets(): (RecordSet & { insync: boolean })[] {
    return this.zone
      .list()
      .map((set) => ({ ...set, insync: sameValues(this.zone.answer(set.name, set.type), set) }))
  }

  verbOf(request: Request): string {
    return this.routeOf(request)?.verb ?? `${request.method} unknown`
  }

  async handle(request: Request): Promise<Response> {
    try {
      this.authenticate(request)
      if (this.rate.take() < 0) throw new Refusal(400, 'Throttling', 'Rate exceeded')
      const route = this.routeOf(request)
      if (!route)
        throw new Refusal(404, 'UnknownOperationException', 'The requested operation does not exist.')
      const query = new URL(request.url).searchParams
      return await route.answer.call(this, { params: route.params, query, request })
    } catch (thrown) {
      return answerTo(this.world, thrown)
    }
  }

  refuse(_request: Request, fault: Fault): Response {
    return answerTo(this.world, new Refusal(fault.status ?? 400, fault.code ?? 'Throttling', 'Rate exceeded'))
  }

  private routeOf(request: Request) {
    const path = new URL(request.url).pathname.slice(this.prefix.length).replace(/\/$/, '')
    for (const [verb, method, pattern, answer] of ROUTES) {
      const match = request.method === method ? pattern.exec(path) : null
      if (match) return { verb, answer, params: match.slice(1).map(decodeURIComponent) }
    }
    return undefined
  }

  async changeResourceRecordSets({ params, request }: Call): Promise<Response> {
    this.requireZone(params[0])
    const { comment, changes } = readChangeBatch(await request.text())
    const submittedAtMs = this.world.now()
    const insyncAtMs = submittedAtMs + this.world.lasts(INSYNC_AFTER_MS)
    this.zone.apply(changes, insyncAtMs)
    const change = this.recordChange({ submittedAtMs, insyncAtMs, comment })
    return ok(this.world, 'ChangeResourceRecordSetsResponse', [['ChangeInfo', this.changeInfo(change)]])
  }

  async getChange({ params }: Call): Promise<Response> {
    const change = this.changes.get(params[0] ?? '')
    if (!change) throw new Refusal(404, 'NoSuchChange', `Could not find resource with ID: ${params[0]}`)
    return ok(this.world, 'GetChangeResponse', [['ChangeInfo', this.changeInfo(change)]])
  }

  async listResourceRecordSets({ params, query }: Call): Promise<Response> {
    this.requireZone(params[0])
    const [name, type] = [query.get('name'), query.get('type')]
    if (type && !name) throw new Refusal(400, 'InvalidInput', 'StartRecordType needs StartRecordName')
    const start = name ? { name: canonicalName(name), type: type ?? '' } : undefined
    const sets = this.zone.list().filter((set) => !start || byPosition(set, start) >= 0)
    const max = maxItems(query)
    const next = sets[max]
    const after: [string, Content][] = next
      ? [
          ['NextRecordName', next.name],
          ['NextRecordType', next.type],
        ]
      : []
    return ok(this.world, 'ListResourceRecordSetsResponse', [
      ['ResourceRecordSets', sets.slice(0, max).map((set) => ['ResourceRecordSet', recordSetContent(set)])],
      ['IsTruncated', next !== undefined],
      ...after,
      ['MaxItems', max],
    ])
  }

  async getHostedZone({ params }: Call): Promise<Response> {
    this.requireZone(params[0])
    const servers: Content = NAME_SERVERS.map((server) => ['NameServer', server.replace(/\.$/, '')])
    return ok(this.world, 'GetHostedZoneResponse', [
      ['HostedZone', this.hostedZone()],
      ['DelegationSet', [['NameServers', servers]]],
    ])
  }

  async listHostedZones({ query }: Call): Promise<Response> {
    return ok(this.world, 'ListHostedZonesResponse', [
      ['HostedZones', [['HostedZone', this.hostedZone()]]],
      ['Marker', query.get('marker') ?? ''],
      ['IsTruncated', false],
      ['MaxItems', maxItems(query)],
    ])
  }

  async listHostedZonesByName({ query }: Call): Promise<Response> {
    const from = query.get('dnsname')
    const listed =
      !from ||
      byPosition(this.zone.list()[0] ?? { name: '', type: '' }, { name: canonicalName(from), type: '' }) >= 0
    const named: [string, Content][] = from ? [['DNSName', canonicalName(from)]] : []
    return ok(this.world, 'ListHostedZonesByNameResponse', [
      ['HostedZones', listed ? [['HostedZone', this.hostedZone()]] : []],
      ...named,
      ['IsTruncated', false],
      ['MaxItems', maxItems(query)],
    ])
  }

  private get changes() {
    return this.world.table<StoredChange>('route53_change')
  }

  private recordChange(change: Omit<StoredChange, 'id'>): StoredChange {
    return this.changes.put({ ...change, id: `C${opaqueId(this.world, 'change', 20)}` })
  }

  private authenticate(request: Request): void {
    const header = request.headers.get('authorization')
    if (!header || !request.headers.get('x-amz-date')) {
      throw new Refusal(403, 'MissingAuthenticationToken', 'Missing Authentication Token')
    }
    const signature =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^,]+), ?SignedHeaders=[^,]+, ?Signature=[0-9a-f]{64}$/.exec(
        header,
      )
    if (!signature) {
      throw new Refusal(
        403,
        'IncompleteSignature',
        'The request signature does not conform to AWS standards.',
      )
    }
    if (signature[1] !== this.options.accessKeyId) {
      throw new Refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')
    }
    if (signature[2] !== 'us-east-1/route53/aws4_request') {
      throw new Refusal(403, 'SignatureDoesNotMatch', 'Credential should be scoped to a valid region.')
    }
  }

  private requireZone(id: string | undefined): void {
    if (id !== this.zone.id) throw new Refusal(404, 'NoSuchHostedZone', `No hosted zone found with ID: ${id}`)
  }

  private changeInfo(change: StoredChange): Content {
    const comment: [string, Content][] = change.comment === undefined ? [] : [['Comment', change.comment]]
    return [
      ['Id', `/change/${change.id}`],
      ['Status', change.insyncAtMs <= this.world.now() ? 'INSYNC' : 'PENDING'],
      ['SubmittedAt', new Date(change.submittedAtMs).toISOString()],
      ...comment,
    ]
  }

  private hostedZone(): Content {
    return [
      ['Id', `/hostedzone/${this.zone.id}`],
      ['Name', this.zone.name],
      ['CallerReference', 'atlas-simulator'],
      ['Config', [['PrivateZone', false]]],
      ['ResourceRecordSetCount', this.zone.list().length],
    ]
  }
}

type Route = [
  verb: string,
  method: string,
  pattern: RegExp,
  answer: (this: Route53Twin, call: Call) => Promise<Response>,
]

const { prototype } = Route53Twin
const ROUTES: Route[] = [
  [
    'ChangeResourceRecordSets',
    'POST',
    /^\/2013-04-01\/hostedzone\/([^/]+)\/rrset$/,
    prototype.changeResourceRecordSets,
  ],
  [
    'ListResourceRecordSets',
    'GET',
    /^\/2013-04-01\/hostedzone\/([^/]+)\/rrset$/,
    prototype.listResourceRecordSets,
  ],
  ['GetChange', 'GET', /^\/2013-04-01\/change\/([^/]+)$/, prototype.getChange],
  ['GetHostedZone', 'GET', /^\/2013-04-01\/hostedzone\/([^/]+)$/, prototype.getHostedZone],
  ['ListHostedZones', 'GET', /^\/2013-04-01\/hostedzone$/, prototype.listHostedZones],
  ['ListHostedZonesByName', 'GET', /^\/2013-04-01\/hostedzonesbyname$/, prototype.listHostedZonesByName],
]

function recordSetContent(set: RecordSet): Content {
  return [
    ['Name', set.name],
    ['Type', set.type],
    ['TTL', set.ttl],
    ['ResourceRecords', set.values.map((value) => ['ResourceRecord', [['Value', value]]])],
  ]
}

function sameValues(answer: RecordSet | undefined, set: RecordSet): boolean {
  return answer?.values.join() === set.values.join()
}

function maxItems(query: URLSearchParams): number {
  const asked = query.get('maxitems')
  if (asked === null) return ITEMS_MAX
  if (!/^[1-9]\d{0,4}$/.test(asked))
    throw new Refusal(400, 'InvalidInput', 'MaxItems must be a positive number')
  return Math.min(ITEMS_MAX, Number(asked))
}
