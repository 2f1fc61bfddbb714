import { type EntryView, TimelinePage as Page, Timeline, type TimelineData } from '../../views/admin/timeline'
import type { Reader } from '../db/open'
import { invalid } from '../errors'
import type { Services } from '../services'
import { getTenant, type TenantRow } from '../tenants/tenant'
import { KINDS, type Position, parseCursor } from '../timeline/entry'
import { type TimelineFilter, type TimelinePage, timelineOf } from '../timeline/timeline'
import { toldInFullSince } from '../upkeep/kept'
import { choice, operatorOf, searchOf } from './admin'
import { json } from './answer'
import { type Call, routes } from './route'

const PAGE_SIZE = 50
const LATEST = 10
const LIMIT_MAX = 200
const EXPORT_SIZE = 500

/** Why a tenant is as it is: its page, its export and its answer for programs. */
export const timelineRoutes = routes(
  {
    method: 'GET',
    path: '/admin/tenants/:id/timeline',
    policy: 'operator',
    handle: (call) => Page({ operator: operatorOf(call), ...storyFor(call) }),
  },
  {
    method: 'GET',
    path: '/admin/tenants/:id/timeline/events',
    policy: 'operator',
    handle: (call) => {
      storyFor(call)
      return call.live.open(call, () => Timeline(storyFor(call)))
    },
  },
  {
    method: 'GET',
    path: '/admin/tenants/:id/timeline.json',
    policy: 'operator',
    handle: (call) => {
      const tenant = getTenant(call.services.db.read, call.params.id ?? '')
      const headers = {
        'content-type': 'application/json; charset=utf-8',
        'content-disposition': `attachment; filename="timeline-${tenant.subdomain}.json"`,
      }
      return new Response(streamOf(exportOf(call.services, tenant, filterOf(call))), { headers })
    },
  },
  {
    method: 'GET',
    path: '/api/admin/tenant/:id/timeline',
    policy: 'operator_api',
    handle: (call) => {
      const { db, clock } = call.services
      const wanted = { before: beforeOf(call), size: limitOf(call) }
      requireKnownKind(call)
      const { id, createdAt } = getTenant(db.read, call.params.id ?? '')
      const fullSince = toldInFullSince(createdAt, clock.now())
      return json({ ...timelineOf(db.read, id, filterOf(call), wanted), fullSince })
    },
  },
)

/** The latest of a tenant's story, for its page. Throws `not_found`. */
export function latestEntries(db: Reader, tenantId: string): EntryView[] {
  return timelineOf(db, tenantId, { kind: '', q: '' }, { before: null, size: LATEST }).entries
}

function storyFor(call: Call): TimelineData {
  const { db, clock } = call.services
  const { id, subdomain, createdAt } = getTenant(db.read, call.params.id ?? '')
  const filter = filterOf(call)
  const before = call.url.searchParams.get('before') ?? ''
  return {
    tenant: { id, subdomain },
    ...timelineOf(db.read, id, filter, { before: beforeOf(call), size: PAGE_SIZE }),
    filter: { ...filter, before },
    fullSince: toldInFullSince(createdAt, clock.now()),
    now: clock.now(),
  }
}

/** The parts of the whole story as one JSON document. */
function* exportOf({ db, clock }: Services, tenant: TenantRow, filter: TimelineFilter): Generator<string> {
  yield `{"fullSince":${toldInFullSince(tenant.createdAt, clock.now())},"entries":[`
  let between = '\n'
  let before: Position | null = null
  do {
    const part: TimelinePage = timelineOf(db.read, tenant.id, filter, { before, size: EXPORT_SIZE })
    if (part.entries.length > 0) {
      yield between + part.entries.map((entry) => JSON.stringify(entry)).join(',\n')
      between = ',\n'
    }
    before = part.next === null ? null : parseCursor(part.next)
  } while (before)
  yield '\n]}\n'
}

/** A body that is made as fast as it is taken. */
function streamOf(parts: Generator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    pull(controller) {
      const { value, done } = parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
  })
}

const filterOf = (call: Call): TimelineFilter => ({ kind: choice(call, 'kind', KINDS), q: searchOf(call) })

/** A page shows everything for a kind that is none; a program would take that for an answer. */
function requireKnownKind({ url }: Call): void {
  const kind = url.searchParams.get('kind') ?? ''
  if (!['', ...KINDS].includes(kind))
    throw invalid('Some fields need another look.', { kind: `Must be one of ${KINDS.join(', ')}.` })
}

function beforeOf({ url }: Call) {
  const text = url.searchParams.get('before')
  return text ? parseCursor(text) : null
}

function limitOf({ url }: Call): number {
  const limit = Number(url.searchParams.get('limit') ?? PAGE_SIZE)
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return limit
  throw invalid('Some fields need another look.', { limit: `Must be a number from 1 to ${LIMIT_MAX}.` })
}
