import type { Reader } from '../db/open'
import { getTenant } from '../tenants/tenant'
import { readActions } from './actions'
import { readEffects } from './effects'
import { cursorOf, type Entry, isNewer, type Kind, NEWEST, type Position, type Source } from './entry'
import { readEvents } from './events'
import { readFindings, readResolutions } from './findings'
import { readMails } from './mails'
import { readIncidents, readRecoveries, readState } from './probes'
import { readBeginnings, readEndings } from './runs'

export type TimelineFilter = { kind: Kind | ''; q: string }
export type TimelineWanted = { before: Position | null; size: number }

/** A part of a story, newest first. `next` is where to go on; null at its beginning. */
export type TimelinePage = { entries: Entry[]; next: string | null }

// A search that finds little looks so far back, then says where to go on.
const LOOKED_AT_MAX = 5_000
const SEARCH_CHUNK = 500

const OF_TENANT: [Kind[], Source][] = [
  [['decision'], readBeginnings],
  [['decision'], readEndings],
  [['probe'], readIncidents],
  [['probe'], readRecoveries],
  [['probe'], readState],
  [['finding'], readFindings],
  [['finding'], readResolutions],
]

/** What may be about the tenant, the signup that it began as, or the organization that it belongs to. */
const OF_ALL: [Kind[], Source][] = [
  [['event'], readEvents],
  [['effect'], readEffects],
  [['action', 'decision'], readActions],
  [['mail'], readMails],
]

/** Why a tenant is as it is: everything that came in, was decided, done, seen and sent. Throws `not_found`. */
export function timelineOf(
  db: Reader,
  tenantId: string,
  filter: TimelineFilter,
  { before, size }: TimelineWanted,
): TimelinePage {
  const { id, signupId, organizationId } = getTenant(db, tenantId)
  const subjects = [id, signupId, organizationId].filter((subject) => subject !== null)
  const chunk = filter.q ? SEARCH_CHUNK : size + 1
  const read = (source: Source, subject: string) =>
    newestFirst((from) => source(db, subject, from, chunk), before ?? NEWEST, chunk)
  const isWanted = ([kinds]: [Kind[], Source]) => !filter.kind || kinds.includes(filter.kind)
  const streams = [
    ...OF_TENANT.filter(isWanted).map(([, source]) => read(source, id)),
    ...OF_ALL.filter(isWanted).flatMap(([, source]) => subjects.map((subject) => read(source, subject))),
  ]
  return pageOf(merge(streams), filter, size)
}

function pageOf(story: Iterable<Entry>, filter: TimelineFilter, size: number): TimelinePage {
  const entries: Entry[] = []
  let lookedAt = 0
  let last: Entry | undefined
  for (const entry of story) {
    if (last && (entries.length === size || lookedAt === LOOKED_AT_MAX)) {
      return { entries, next: cursorOf(last) }
    }
    lookedAt++
    last = entry
    if (matches(entry, filter)) entries.push(entry)
  }
  return { entries, next: null }
}

function matches({ kind, title, detail, actor, ip }: Entry, filter: TimelineFilter): boolean {
  if (filter.kind && kind !== filter.kind) return false
  const words = filter.q.toLowerCase()
  return [title, detail, actor, ip].some((text) => text?.toLowerCase().includes(words))
}

/** All of one sort, a chunk at a time, as far as anybody goes on asking. */
function* newestFirst(read: (from: Position) => Entry[], start: Position, chunk: number): Generator<Entry> {
  for (let from: Position | undefined = start; from; ) {
    const entries = read(from)
    yield* entries
    from = entries.length < chunk ? undefined : entries.at(-1)
  }
}

/** Stories that are each told newest first, told as one. */
function* merge(streams: Generator<Entry>[]): Generator<Entry> {
  const heads = streams.flatMap((stream) => {
    const { value } = stream.next()
    return value ? [{ stream, entry: value }] : []
  })
  while (heads.length > 0) {
    const newest = heads.reduce((best, head) => (isNewer(head.entry, best.entry) ? head : best))
    yield newest.entry
    const { value } = newest.stream.next()
    if (value) newest.entry = value
    else heads.splice(heads.indexOf(newest), 1)
  }
}
