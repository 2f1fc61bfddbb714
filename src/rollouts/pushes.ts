import { and, eq, sql } from 'drizzle-orm'
import type { Catalog } from '../catalog/catalog'
import type { GithubSource, Migration } from '../catalog/deploy'
import type { Reader, Tx } from '../db/open'
import { inbox } from '../db/schema'
import { AtlasError, conflict, unavailable } from '../errors'
import { keepRelease, lookUpRelease } from '../releases/find'
import { findRelease, type ReleaseRow } from '../releases/release'
import type { Services } from '../services'
import { lookAhead } from './prospect'
import { liveRollout } from './rollout'
import { startRollout } from './start'
import { DEFAULT_STRATEGY } from './strategy'

/** What GitHub says of a push. */
export type Push = {
  /** `owner/app`. */
  repository: string
  /** `refs/tags/v43`. */
  ref: string
  /** The commit's id, 40 hex digits. */
  commit: string
  /** Of all its commits: a line `Atlas-Migration: expand` says what one of them does to the data. */
  messages: string[]
}

type Delivery = {
  id: string
  /** What it says, in a few letters: its id is not signed, so the same push comes once under any id. */
  digest: string
  /** Null when it is of another kind than a push, or a push that takes something away. */
  push: Push | null
}

const SOURCE = 'github'
const ACTOR = { id: 'github' }
const TRAILER = /^Atlas-Migration: *(none|reversible|expand|contract) *$/gm
/** The more a migration does, the later it stands. */
const MIGRATIONS: readonly string[] = ['', 'none', 'reversible', 'expand', 'contract'] satisfies (
  | Migration
  | ''
)[]

/**
 * Stores a delivery once, and of a push what it means to the blueprints that say so; a repetition changes nothing.
 * Returns whether it means anything.
 */
export function receivePush(
  tx: Tx,
  catalog: Catalog,
  { id, digest, push }: Delivery,
  nowMs: number,
): boolean {
  const meant = push ? releasesMeant(catalog, push) : []
  const times = { availableAt: nowMs, occurredAt: nowMs, receivedAt: nowMs }
  const receipt = { source: SOURCE, eventId: id, type: 'delivery', ...times, processedAt: nowMs }
  const status = meant.length > 0 ? ('processed' as const) : ('ignored' as const)
  const isNew =
    tx
      .insert(inbox)
      .values({ ...receipt, status })
      .onConflictDoNothing()
      .returning()
      .all().length > 0
  for (const release of isNew ? meant : []) queue(tx, release, `${digest}-${release.blueprint}`, times)
  return meant.length > 0
}

type Meant = { blueprint: string; tag: string; migration: string }

/** A push takes the place of those that still wait for their images: whichever is built last, the newest one goes out. */
function queue(
  tx: Tx,
  { blueprint, tag, migration }: Meant,
  eventId: string,
  times: { availableAt: number; occurredAt: number; receivedAt: number },
): void {
  const mine = and(eq(inbox.source, SOURCE), eq(inbox.eventId, eventId))
  if (tx.select({ id: inbox.eventId }).from(inbox).where(mine).get()) return
  const overtaken = tx
    .update(inbox)
    .set({ status: 'ignored', reason: 'A later push has taken its place.', processedAt: times.receivedAt })
    .where(and(IS_WAITING, sql`instr(${inbox.objectId}, ${`${blueprint} `}) = 1`))
    .returning({ objectId: inbox.objectId })
    .all()
  // Its commits are part of this one. Where nobody says anything, releases.yaml does.
  const earlier = overtaken.map(({ objectId }) => objectId?.split(' ')[2] ?? '')
  const does = migration && strictest([migration, ...earlier])
  const objectId = [blueprint, tag, does].filter(Boolean).join(' ')
  tx.insert(inbox)
    .values({ source: SOURCE, eventId, type: 'push', objectId, ...times, status: 'received' })
    .run()
}

const IS_WAITING = and(eq(inbox.source, SOURCE), eq(inbox.type, 'push'), eq(inbox.status, 'received'))

function strictest(migrations: readonly string[]): string {
  return MIGRATIONS.findLast((one) => migrations.includes(one)) ?? ''
}

/**
 * Rolls out what a push means, with the usual strategy, unless a later one has taken its place. Throws `unavailable`
 * while the registry has no such image: it is still being built.
 */
export async function followPush(services: Services, objectId: string): Promise<null> {
  const { db, clock } = services
  const [blueprint = '', tag = '', migration = ''] = objectId.split(' ')
  const found = await releaseOf(services, blueprint, tag, migration as Migration | '')
  db.write((tx) => {
    if (!isAwaited(tx, objectId)) return
    // Somebody may have been given it meanwhile.
    const release = findRelease(tx, blueprint, tag) ?? found
    // A process that died between the start and the note of it begins nothing twice.
    if (liveRollout(tx, blueprint)?.releaseId === release.id) return
    const strategy = DEFAULT_STRATEGY
    if (lookAhead(tx, services, { release, strategy }).targets.length === 0) return
    const nowMs = clock.now()
    const { id: releaseId } = keepRelease(tx, found, ACTOR, nowMs)
    startRollout(tx, services, { releaseId, strategy, actor: ACTOR, nowMs })
  })
  return null
}

function isAwaited(db: Reader, objectId: string): boolean {
  const isMine = and(IS_WAITING, eq(inbox.objectId, objectId))
  return db.select({ id: inbox.eventId }).from(inbox).where(isMine).get() !== undefined
}

function releasesMeant({ blueprints }: Catalog, { messages, ...push }: Push): Meant[] {
  const said = messages.flatMap((message) => [...message.matchAll(TRAILER)].map(([, one = '']) => one))
  const migration = strictest(said)
  return blueprints.flatMap(({ name: blueprint, deploy: { github } }) => {
    const tag = github && tagMeant(github, push)
    return tag ? [{ blueprint, tag, migration }] : []
  })
}

/** Names at GitHub differ in more than their capitals. */
function tagMeant(source: GithubSource, { repository, ref, commit }: Omit<Push, 'messages'>): string | null {
  if (source.repository.toLowerCase() !== repository.toLowerCase()) return null
  if (source.tags && ref.startsWith('refs/tags/')) return ref.slice('refs/tags/'.length)
  return source.branch !== null && ref === `refs/heads/${source.branch}` ? commit : null
}

async function releaseOf(
  services: Services,
  blueprint: string,
  tag: string,
  migration: Migration | '',
): Promise<ReleaseRow> {
  services.catalog.blueprint(blueprint)
  try {
    return await lookUpRelease(services, { blueprint, tag, ...(migration && { migration }), actor: ACTOR })
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    // Nobody is there to be shown the fields.
    if (thrown.fields) throw conflict(Object.values(thrown.fields).join(' '), { cause: thrown })
    if (thrown.code !== 'not_found') throw thrown
    throw unavailable(`The registry has no image ${tag} yet.`, { cause: thrown })
  }
}
