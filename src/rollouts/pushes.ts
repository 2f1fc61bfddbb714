import { and, eq, sql } from 'drizzle-orm'
import type { Catalog } from '../catalog/catalog'
import type { GithubSource, Migration } from '../catalog/deploy'
import type { Tx } from '../db/open'
import { inbox } from '../db/schema'

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

/** Of the inbox: pushes that are still to be followed. */
export const IS_WAITING = and(eq(inbox.source, SOURCE), eq(inbox.type, 'push'), eq(inbox.status, 'received'))

function strictest(migrations: readonly string[]): string {
  return MIGRATIONS.findLast((one) => migrations.includes(one)) ?? ''
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
