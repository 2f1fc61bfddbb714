import type { Catalog } from '../catalog/catalog'
import type { GithubSource, Migration } from '../catalog/deploy'
import type { Tx } from '../db/open'
import { inbox } from '../db/schema'
import { AtlasError, conflict, unavailable } from '../errors'
import { createRelease, type ReleaseRow } from '../releases/release'
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
  /** The commit's message: a line `Atlas-Migration: expand` says what the release does to the data. */
  message: string
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
const TRAILER = /^Atlas-Migration: *(none|reversible|expand|contract) *$/m

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
  for (const { blueprint, ...release } of isNew ? meant : []) {
    const objectId = [blueprint, release.tag, release.migration].filter(Boolean).join(' ')
    const work = { source: SOURCE, eventId: `${digest}-${blueprint}`, type: 'push', objectId, ...times }
    tx.insert(inbox)
      .values({ ...work, status: 'received' })
      .onConflictDoNothing()
      .run()
  }
  return meant.length > 0
}

/**
 * Rolls out what a push means, with the usual strategy. Throws `unavailable` while the registry has no such image: it
 * is still being built.
 */
export async function followPush(services: Services, objectId: string): Promise<null> {
  const { db, clock } = services
  const [blueprint = '', tag = '', migration = ''] = objectId.split(' ')
  const release = await releaseOf(services, blueprint, tag, migration as Migration | '')
  db.write((tx) => {
    // A process that died between the start and the note of it begins nothing twice.
    if (liveRollout(tx, blueprint)?.releaseId === release.id) return
    const wanted = { releaseId: release.id, strategy: DEFAULT_STRATEGY }
    if (lookAhead(tx, services, wanted).targets.length === 0) return
    startRollout(tx, services, { ...wanted, actor: ACTOR, nowMs: clock.now() })
  })
  return null
}

function releasesMeant({ blueprints }: Catalog, push: Push) {
  const [, migration = ''] = TRAILER.exec(push.message) ?? []
  return blueprints.flatMap(({ name: blueprint, deploy: { github } }) => {
    const tag = github && tagMeant(github, push)
    return tag ? [{ blueprint, tag, migration }] : []
  })
}

/** Names at GitHub differ in more than their capitals. */
function tagMeant(source: GithubSource, { repository, ref, commit }: Push): string | null {
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
    return await createRelease(services, { blueprint, tag, ...(migration && { migration }), actor: ACTOR })
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    // Nobody is there to be shown the fields.
    if (thrown.fields) throw conflict(Object.values(thrown.fields).join(' '), { cause: thrown })
    if (thrown.code !== 'not_found') throw thrown
    throw unavailable(`The registry has no image ${tag} yet.`, { cause: thrown })
  }
}
