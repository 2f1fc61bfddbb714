import type { Reader } from '../db/open'
import { oneWay, passedReleases, wantsBackup } from '../releases/lineage'
import type { ReleaseRow } from '../releases/release'
import { usualMs } from '../runs/durations'
import type { RunRow } from '../runs/run'
import type { Services } from '../services'
import { fleetOf, formersOf, withCanaries } from './candidates'
import { barriersTo, obstaclesTo } from './obstacles'
import { type Candidate, type Plan, planRollout } from './plan'
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

/** How long the latest deploys took, as a median. */
export function usualDeployMs(db: Reader): number {
  const took = ({ startedAt, finishedAt }: RunRow) =>
    startedAt && finishedAt ? finishedAt - startedAt : null
  return usualMs(db, 'deploy', took) ?? DEPLOY_GUESS_MS
}
