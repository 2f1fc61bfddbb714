import type { Fault } from './faults'
import { Rate } from './rate'
import { answerTo, ok, opaqueId, Refusal } from './route53/answers'
import { readChangeBatch } from './route53/batch'
import { limitAnswer, zoneAnswer, zonesAnswer, zonesByNameAnswer } from './route53/hosted-zone'
import { recordSetsAnswer } from './route53/record-sets'
import { requireSignature } from './route53/signature'
import type { Content } from './route53/xml'
import { canonicalName, type RecordSet, Zone } from './route53/zone'
import type { Twin } from './twin'
import type { World } from './world'

export type Route53Options = {
  accessKeyId: string
  zone: { id: string; name: string }
  /** Route 53 allows five requests a second and account; no limit when absent. */
  requestsPerSecond?: number
  /** How many record sets the zone may have; `setLimits` changes it. */
  recordLimit?: number
}

type StoredChange = { id: string; submittedAtMs: number; insyncAtMs: number; comment?: string }
type Call = { params: string[]; query: URLSearchParams; request: Request }

const INSYNC_AFTER_MS = 20_000

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
    this.zone = new Zone(world, options.zone.id, canonicalName(options.zone.name), options.recordLimit)
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

  /** Changes the quota of the zone, as AWS does on request. */
  setLimits({ records = this.zone.recordLimit }: { records?: number }): void {
    this.zone.recordLimit = records
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
      requireSignature(request, this.options.accessKeyId)
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
    return ok(this.world, 'ListResourceRecordSetsResponse', recordSetsAnswer(this.zone, query))
  }

  async getHostedZone({ params }: Call): Promise<Response> {
    this.requireZone(params[0])
    return ok(this.world, 'GetHostedZoneResponse', zoneAnswer(this.zone))
  }

  async getHostedZoneLimit({ params: [id, type = ''] }: Call): Promise<Response> {
    this.requireZone(id)
    return ok(this.world, 'GetHostedZoneLimitResponse', limitAnswer(this.zone, type))
  }

  async listHostedZones({ query }: Call): Promise<Response> {
    return ok(this.world, 'ListHostedZonesResponse', zonesAnswer(this.zone, query))
  }

  async listHostedZonesByName({ query }: Call): Promise<Response> {
    return ok(this.world, 'ListHostedZonesByNameResponse', zonesByNameAnswer(this.zone, query))
  }

  private get changes() {
    return this.world.table<StoredChange>('route53_change')
  }

  private recordChange(change: Omit<StoredChange, 'id'>): StoredChange {
    return this.changes.put({ ...change, id: `C${opaqueId(this.world, 'change', 20)}` })
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
  [
    'GetHostedZoneLimit',
    'GET',
    /^\/2013-04-01\/hostedzonelimit\/([^/]+)\/([^/]+)$/,
    prototype.getHostedZoneLimit,
  ],
  ['ListHostedZones', 'GET', /^\/2013-04-01\/hostedzone$/, prototype.listHostedZones],
  ['ListHostedZonesByName', 'GET', /^\/2013-04-01\/hostedzonesbyname$/, prototype.listHostedZonesByName],
]

function sameValues(answer: RecordSet | undefined, set: RecordSet): boolean {
  return answer?.values.join() === set.values.join()
}
