import { and, eq, notInArray } from 'drizzle-orm'
import { missingFor } from '../backups/backup'
import type { Reader } from '../db/open'
import { tenants } from '../db/schema'
import { conflict, invalid } from '../errors'
import { oneWay, passedReleases, wantsBackup } from '../releases/lineage'
import { getRelease, type ReleaseRow } from '../releases/release'
import { usualMs } from '../runs/durations'
import type { RunRow } from '../runs/run'
import type { Services } from '../services'
import { tenantsTagged } from '../tenants/tags'
import { obstacleOf, TENANT_FACTS } from './facts'
import { type Candidate, type Plan, planRollout } from './plan'
import { liveRollout, type RolloutRow } from './rollout'
import type { Strategy } from './strategy'

/** What a rollout would do, before anybody starts it. */
export type Prospect = Plan & {
  release: ReleaseRow
  /** How many run the release already; they are no targets. */
  already: number
  /** About how long one deploy takes. */
  deployMs: number
  /** Whether everybody who takes part could be taken back. */
  canGoBack: boolean
  /** Whether anybody is copied first. */
  copies: boolean
  /** What keeps it from being started, a sentence each. */
  obstacles: string[]
}

const DEPLOY_GUESS_MS = 60_000
const TAG = 'tag:'

/**
 * What a rollout of a release would do now, by which strategy: the dry run, also of a release that nobody has got yet.
 * Throws `invalid` when a canary is nobody.
 */
export function lookAhead(
  db: Reader,
  services: Pick<Services, 'objects' | 'catalog' | 'settings'>,
  { release, strategy }: { release: ReleaseRow; strategy: Strategy },
): Prospect {
  const fleet = fleetOf(db, release.blueprint)
  const behind = fleet.filter((tenant) => tenant.formerReleaseId !== release.id)
  const candidates = withCanaries(db, behind, fleet, strategy.canaries)
  const deployMs = usualDeployMs(db)
  const plan = planRollout(candidates, strategy, { draw: release.tag, deployMs })
  const passed = passedBy(db, candidates, release)
  const copies = passed.some(wantsBackup)
  return {
    ...plan,
    release,
    already: fleet.length - behind.length,
    deployMs,
    canGoBack: !passed.some(oneWay),
    copies,
    obstacles: [
      ...obstaclesTo(db, services, { release, copies, isEmpty: plan.waves.length === 0 }),
      ...barriersTo(db, candidates, release),
    ],
  }
}

/** What those who take part go through on their way: for each release that one of them runs now. */
function passedBy(db: Reader, candidates: readonly Candidate[], release: ReleaseRow): ReleaseRow[][] {
  return formersOf(candidates).map((formerId) => passedReleases(db, formerId, release))
}

/** Whoever runs a later release is brought back by this rollout, and that may not be possible. */
function barriersTo(db: Reader, candidates: readonly Candidate[], release: ReleaseRow): string[] {
  const barriers = formersOf(candidates).flatMap((formerId) => {
    const former = formerId === null ? null : getRelease(db, formerId)
    const isLater = former !== null && former.createdAt > release.createdAt
    return isLater ? (oneWay(passedReleases(db, release.id, former))?.tag ?? []) : []
  })
  return [...new Set(barriers)].map(
    (tag) =>
      `There is no way back from ${tag}, which some run: ${release.tag} can’t live with its data. Restore backups from before it instead.`,
  )
}

/** The releases that those run now who take part. */
function formersOf(candidates: readonly Candidate[]): (string | null)[] {
  const joining = candidates.filter(({ obstacle }) => obstacle === null)
  return [...new Set(joining.map(({ formerReleaseId }) => formerReleaseId))]
}

/** Every tenant of a blueprint that is there, or will be. */
function fleetOf(db: Reader, blueprint: string): Omit<Candidate, 'isCanary'>[] {
  const present = notInArray(tenants.status, ['deleting', 'deleted'])
  return db
    .select({
      tenantId: tenants.id,
      subdomain: tenants.subdomain,
      formerReleaseId: tenants.releaseId,
      formerRelease: tenants.release,
      ...TENANT_FACTS,
    })
    .from(tenants)
    .where(and(eq(tenants.blueprint, blueprint), present))
    .all()
    .map(({ status, health, latestRun, isHeld, ...tenant }) => ({
      ...tenant,
      obstacle: obstacleOf({ status, health, latestRun, isHeld }),
    }))
}

type Named = Pick<Candidate, 'tenantId' | 'subdomain'>

function withCanaries(
  db: Reader,
  behind: readonly Omit<Candidate, 'isCanary'>[],
  fleet: readonly Named[],
  canaries: readonly string[],
): Candidate[] {
  const { tags = [], names = [] } = Object.groupBy(canaries, (word) =>
    word.startsWith(TAG) ? 'tags' : 'names',
  )
  const tagged = tenantsTagged(
    db,
    tags.map((word) => word.slice(TAG.length)),
  )
  const isNamed = ({ tenantId, subdomain }: Named) => names.includes(tenantId) || names.includes(subdomain)
  const known = new Set(fleet.flatMap(({ tenantId, subdomain }) => [tenantId, subdomain]))
  const unknown = names.findIndex((name) => !known.has(name))
  if (unknown >= 0) refuseCanaries(`Name ${unknown + 1} is no tenant of this blueprint.`)
  if (tags.length > 0 && !fleet.some(({ tenantId }) => tagged.has(tenantId)))
    refuseCanaries('Nobody of this blueprint has such a tag.')
  return behind.map((tenant) => ({ ...tenant, isCanary: isNamed(tenant) || tagged.has(tenant.tenantId) }))
}

function refuseCanaries(words: string): never {
  throw invalid('Some fields need another look.', { canaries: words })
}

function obstaclesTo(
  db: Reader,
  services: Pick<Services, 'objects' | 'catalog' | 'settings'>,
  { release, copies, isEmpty }: { release: ReleaseRow; copies: boolean; isEmpty: boolean },
): string[] {
  const live = liveRollout(db, release.blueprint)
  // What is missing for one tenant's backup by configuration is missing for all.
  const missing = copies ? missingFor(services, release, { externalId: null }, 'app') : null
  return [
    ...(live ? [heldInWords(db, live, services.settings.baseUrl)] : []),
    ...(isEmpty ? ['There is nobody who could get this release now.'] : []),
    ...(missing ? [`A backup of each tenant is to be made first. ${missing}`] : []),
  ]
}

/** Who holds the fleet, and what whoever wants it can do: a person, or a job that nobody looks at before it has failed. */
export function heldInWords(
  db: Reader,
  { id, releaseId, status }: Pick<RolloutRow, 'id' | 'releaseId' | 'status'>,
  baseUrl = '',
): string {
  const { tag } = getRelease(db, releaseId)
  return [
    `The rollout of ${tag} holds the fleet: it is ${status.replace('_', ' ')}.`,
    `Wait until it has ended, or end it with “atlas rollout abort ${id}”; then ask for this once more.`,
    `Its page is ${baseUrl}/admin/rollouts/${id}.`,
  ].join(' ')
}

/** What has been looked at, as far as it decides whether it can be started. */
type Outlook = Pick<Prospect, 'release' | 'copies' | 'canGoBack' | 'obstacles'>

/** Throws `conflict` when it can't be started as it was looked at. */
export function requireClear(outlook: Outlook, acceptsNoWayBack: boolean): void {
  const obstacles = allObstacles(outlook, acceptsNoWayBack)
  if (obstacles.length > 0) throw conflict(obstacles.join(' '))
}

/** What keeps it from being started by somebody who has said, or has not, that there is no way back; a sentence each. */
export function allObstacles(outlook: Outlook, acceptsNoWayBack: boolean): string[] {
  const { release, copies, canGoBack, obstacles } = outlook
  if (canGoBack || acceptsNoWayBack) return obstacles
  const first = copies ? 'A backup is made first.' : 'No backup is made first.'
  const unsaid = `There is no way back from ${release.tag}: what runs now can’t live with what is done to the data. ${first} Say that you know this, then start it.`
  return [...obstacles, unsaid]
}

/** How long the latest deploys took, as a median. */
export function usualDeployMs(db: Reader): number {
  const took = ({ startedAt, finishedAt }: RunRow) =>
    startedAt && finishedAt ? finishedAt - startedAt : null
  return usualMs(db, 'deploy', took) ?? DEPLOY_GUESS_MS
}
