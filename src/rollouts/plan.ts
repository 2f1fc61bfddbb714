import type { Strategy, WaveEnd } from './strategy'

/** A tenant that a rollout could reach. */
export type Candidate = {
  tenantId: string
  subdomain: string
  formerReleaseId: string | null
  formerRelease: string
  /** Why it is set aside, as a sentence; null when it takes part. */
  obstacle: string | null
  isCanary: boolean
}

export type PlannedTarget = Candidate & { wave: number; position: number }

export type PlannedWave = {
  number: number
  size: number
  /** About when it begins, counted from the start, how long its deploys take, and how long it is watched then. */
  startsAfterMs: number
  deploysMs: number
  bakeMs: number
}

/** Who gets a release in which wave, and about when. */
export type Plan = {
  targets: PlannedTarget[]
  waves: PlannedWave[]
  /** It stops at so many failures. */
  stopAt: number
  takesMs: number
}

type PlanFacts = {
  /** What the order is drawn by: another release begins with another tenant. */
  draw: string
  /** How long one deploy takes, as far as is known. */
  deployMs: number
}

/** Plans a rollout: the same candidates and strategy make the same plan, so what a dry run says is what happens. */
export function planRollout(candidates: readonly Candidate[], strategy: Strategy, facts: PlanFacts): Plan {
  const { in: joining = [], out = [] } = Object.groupBy(candidates, ({ obstacle }) =>
    obstacle === null ? 'in' : 'out',
  )
  const drawn = new Map(
    joining.map(({ tenantId }) => [tenantId, Bun.hash.crc32(`${facts.draw}/${tenantId}`)]),
  )
  const order = joining.toSorted(
    (a, b) =>
      Number(b.isCanary) - Number(a.isCanary) ||
      (drawn.get(a.tenantId) ?? 0) - (drawn.get(b.tenantId) ?? 0) ||
      (a.tenantId < b.tenantId ? -1 : 1),
  )
  const ends = waveEnds(strategy.waves, order.length, order.filter(({ isCanary }) => isCanary).length)
  const stopAt = failuresToStopAt(strategy, order.length)
  const lastWave = Math.max(0, ends.length - 1)
  const targets = [...order, ...out].map((candidate, position) => {
    const wave = ends.findIndex((end) => position < end)
    return { ...candidate, position, wave: wave < 0 ? lastWave : wave }
  })
  const waves = timesOf(ends, strategy, stopAt, facts.deployMs)
  const last = waves.at(-1)
  return { targets, waves, stopAt, takesMs: last ? last.startsAfterMs + last.deploysMs + last.bakeMs : 0 }
}

/** At how many failures a rollout to so many tenants stops. */
export function failuresToStopAt({ stop }: Pick<Strategy, 'stop'>, tenants: number): number {
  return Math.max(1, stop.failures, Math.floor((tenants * stop.percent) / 100))
}

/** Up to which position each wave goes; waves that a small fleet leaves empty are left out. */
function waveEnds(waves: readonly WaveEnd[], tenants: number, canaries: number): number[] {
  const ends: number[] = []
  for (const [number, wave] of waves.entries()) {
    const wanted = 'count' in wave ? wave.count : Math.ceil((tenants * wave.percent) / 100)
    const end = Math.min(tenants, number === 0 ? Math.max(wanted, canaries) : wanted)
    if (end > (ends.at(-1) ?? 0)) ends.push(end)
  }
  return ends
}

function timesOf(
  ends: readonly number[],
  { concurrency, bakeMinutes }: Strategy,
  stopAt: number,
  deployMs: number,
): PlannedWave[] {
  const bakeMs = bakeMinutes * 60_000
  let startsAfterMs = 0
  return ends.map((end, number) => {
    const size = end - (ends[number - 1] ?? 0)
    const isCanaries = number === 0 && ends.length > 1
    const deploysMs = Math.ceil(size / (isCanaries ? 1 : Math.min(concurrency, stopAt))) * deployMs
    const wave = { number, size, startsAfterMs, deploysMs, bakeMs }
    startsAfterMs += deploysMs + bakeMs
    return wave
  })
}
