import { and, eq } from 'drizzle-orm'
import type { Migration } from '../catalog/deploy'
import type { Reader } from '../db/open'
import { inbox } from '../db/schema'
import { AtlasError, conflict, unavailable } from '../errors'
import { keepRelease, lookUpRelease } from '../releases/find'
import { findRelease, type ReleaseRow } from '../releases/release'
import type { Services } from '../services'
import { lookAhead } from './prospect'
import { IS_WAITING } from './pushes'
import { liveRollout } from './rollout'
import { startRollout } from './start'
import { DEFAULT_STRATEGY } from './strategy'

const ACTOR = { id: 'github' }

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
