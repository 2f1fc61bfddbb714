import type { Candidate } from '../rollouts/plan'
import { DEFAULT_STRATEGY, type Strategy } from '../rollouts/strategy'
import { chanceFrom } from './chance'

/** What a release is like, and so what comes of deploying it. */
export type ReleaseNature = 'good' | 'wholly bad' | 'partly bad' | 'late'

export type FleetStory = {
  seed: number
  nature: ReleaseNature
  /** Whether there is a way back. */
  canGoBack: boolean
  strategy: Strategy
  machines: Machine[]
}

/** A simulated tenant's server, as a rollout sees it. */
export type Machine = Candidate & {
  wave: number
  state: 'waiting' | 'deploying' | 'succeeded' | 'failed' | 'set_aside' | 'going_back' | 'back' | 'stuck'
  /** How a deploy of the release ends here: it may fail, be lost, or be found down a minute later. */
  end: 'fine' | 'fails' | 'lost' | 'late'
  /** Whether the way back fails too. */
  backFails: boolean
  hasFailed: boolean
  /** A run is at work on it. */
  isAtWork: boolean
}

/** Makes up a fleet and a release from a seed. */
export function writeFleetStory(seed: number, machines = 200): FleetStory {
  const chance = chanceFrom(seed)
  const natures: readonly ReleaseNature[] = ['good', 'wholly bad', 'partly bad', 'partly bad', 'late']
  const nature = natures[seed % natures.length] ?? 'good'
  // From a single bad machine to nearly all of them, each order of magnitude as often as the other.
  const share = nature === 'good' ? 0 : nature === 'wholly bad' ? 1 : (1 / machines) ** chance()
  const backFails = chance() < 0.1 ? 0.2 : 0
  return {
    seed,
    nature,
    canGoBack: chance() < 0.85,
    strategy: { ...DEFAULT_STRATEGY, concurrency: 1 + Math.floor(chance() * 20) },
    machines: Array.from({ length: machines }, (_, number) => ({
      tenantId: `ten_${number}`,
      subdomain: `t${number}`,
      formerReleaseId: null,
      formerRelease: 'v1',
      obstacle: chance() < 0.03 ? 'It is suspended.' : null,
      isCanary: false,
      wave: 0,
      state: 'waiting',
      end: chance() >= share ? 'fine' : nature === 'late' ? 'late' : chance() < 0.1 ? 'lost' : 'fails',
      backFails: chance() < backFails,
      hasFailed: false,
      isAtWork: false,
    })),
  }
}
