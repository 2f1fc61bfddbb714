import { missingFor } from '../backups/backup'
import type { Reader } from '../db/open'
import { conflict } from '../errors'
import { oneWay, passedReleases } from '../releases/lineage'
import { getRelease, type ReleaseRow } from '../releases/release'
import type { Services } from '../services'
import { formersOf } from './candidates'
import type { Candidate } from './plan'
import { liveRollout, type RolloutRow } from './rollout'

/** What has been looked at, as far as it decides whether it can be started. */
type Outlook = { release: ReleaseRow; copies: boolean; canGoBack: boolean; obstacles: string[] }

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

/** What keeps a rollout from being started as it was planned, a sentence each. */
export function obstaclesTo(
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

/** Whoever runs a later release is brought back by this rollout, and that may not be possible. */
export function barriersTo(db: Reader, candidates: readonly Candidate[], release: ReleaseRow): string[] {
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
