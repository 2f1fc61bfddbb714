import { eq } from 'drizzle-orm'
import { type Actor, audit } from '../audit'
import type { Blueprint } from '../catalog/blueprint'
import type { Migration } from '../catalog/deploy'
import { imagesOfRelease } from '../catalog/images'
import type { Reader, Tx } from '../db/open'
import { releases } from '../db/schema'
import { conflict } from '../errors'
import { newId } from '../ids'
import type { Services } from '../services'
import { digestsOf, findRelease, type PinnedImage, type ReleaseRow } from './release'
import { complete, readAsked, type Said } from './said'
import { isInUse } from './use'

/** What a person or a program says of a release; releases.yaml answers for what is absent. */
export type ReleaseAsked = {
  blueprint: string
  tag: string
  notes?: string
  migration?: Migration
  /** Whether each tenant is copied before it gets this release. */
  backup?: boolean
  /** Of the images that were looked at before; when the tag stands for others by now, nothing is done. */
  digests?: readonly string[]
  actor: Actor
}

/**
 * Finds a release by its tag, or looks up which images the tag stands for now. Nothing is kept: whoever only looks
 * decides nothing. Throws `invalid` for what is missing or malformed, `conflict` when it is in use as something else than
 * what is said of it or has other images than were looked at, and what the registry refuses.
 */
export async function lookUpRelease(services: Services, asked: ReleaseAsked): Promise<ReleaseRow> {
  const release = await findOrPin(services, asked)
  refuseOtherImages(release, asked.digests)
  return release
}

async function findOrPin(services: Services, asked: ReleaseAsked): Promise<ReleaseRow> {
  const { db, clock, catalog } = services
  const { tag, actor } = asked
  const blueprint = catalog.blueprint(asked.blueprint)
  const said = readAsked(asked, blueprint.releases)
  const known = findRelease(db.read, blueprint.name, tag)
  if (known) return asSaid(db.read, known, said)
  const facts = complete(said)
  const images = JSON.stringify(await pin(services, blueprint, tag))
  const createdAt = clock.now()
  const id = newId('rel', createdAt)
  return { id, blueprint: blueprint.name, tag, ...facts, images, createdBy: actor.id, createdAt }
}

/**
 * Keeps a release that was looked up, in the transaction in which somebody is given it: from then on it is the same for
 * ever, and later than all that were given to somebody before. Throws `conflict` when it is in use as something else by
 * now.
 */
export function keepRelease(tx: Tx, release: ReleaseRow, actor: Actor, nowMs: number): ReleaseRow {
  const { blueprint, tag, migration, backup } = release
  const known = findRelease(tx, blueprint, tag)
  if (!known) return insert(tx, { ...release, createdBy: actor.id, createdAt: nowMs })
  const wanted = asSaid(tx, known, { migration, backup })
  if (wanted === known) return known
  const detail = { blueprint, tag, migration, backup }
  audit(tx, nowMs, { actor, action: 'release.changed', subject: known.id, detail })
  tx.update(releases).set({ migration, backup }).where(eq(releases.id, known.id)).run()
  return wanted
}

/** Looks a release up and keeps it at once. Throws what either throws. */
export async function createRelease(services: Services, asked: ReleaseAsked): Promise<ReleaseRow> {
  const release = await lookUpRelease(services, asked)
  return services.db.write((tx) => keepRelease(tx, release, asked.actor, services.clock.now()))
}

function refuseOtherImages(release: ReleaseRow, digests: ReleaseAsked['digests']): void {
  if (!digests || digestsOf(release).join() === digests.join()) return
  throw conflict(`${release.tag} stands for another image than when you looked. Look again.`)
}

async function pin(
  { registry, env }: Pick<Services, 'registry' | 'env'>,
  blueprint: Blueprint,
  tag: string,
): Promise<PinnedImage[]> {
  const images = imagesOfRelease(blueprint, tag, env)
  if (images.length === 0)
    throw conflict('No image in compose.yaml depends on RELEASE, so this blueprint has no releases.')
  return Promise.all(
    images.map(async ({ image, ref }) => ({ image, digest: (await registry.resolve(ref)).digest })),
  )
}

/** One that nobody has got yet becomes what is said of it now; any other is what it was. */
function asSaid(db: Reader, known: ReleaseRow, said: Partial<Said>): ReleaseRow {
  const { migration = known.migration } = said
  // Another migration leaves nothing of what was said of its backup.
  const { backup = migration === known.migration ? known.backup : migration === 'contract' } = said
  if (migration === known.migration && backup === known.backup) return known
  const wanted = { ...known, migration, backup }
  if ([known, wanted].some((one) => isInUse(db, one)))
    throw conflict('This release is in use already, with another migration or backup. Give it another tag.')
  return wanted
}

function insert(tx: Tx, release: ReleaseRow): ReleaseRow {
  const { id, blueprint, tag, migration, backup, createdBy, createdAt } = release
  const detail = { blueprint, tag, migration, backup }
  audit(tx, createdAt, { actor: { id: createdBy }, action: 'release.created', subject: id, detail })
  tx.insert(releases).values(release).run()
  return release
}
