import type { PlanView } from '../../views/admin/deploy-plan'
import { imagesOf } from '../releases/release'
import { allObstacles } from '../rollouts/obstacles'
import type { PlannedTarget } from '../rollouts/plan'
import type { Prospect } from '../rollouts/prospect'
import type { Strategy } from '../rollouts/strategy'

/** As many tenants of each wave as a page shows by name. */
const SHOWN_MAX = 20

/** A plan as the page shows it. */
export function planView(prospect: Prospect, { concurrency }: Strategy): PlanView {
  const { release, targets, waves, stopAt, takesMs, already, canGoBack, obstacles } = prospect
  const joining = Map.groupBy(targets.filter(takesPart), ({ wave }) => wave)
  return {
    release: { ...release, backup: prospect.copies, images: imagesOf(release) },
    blueprint: release.blueprint,
    waves: waves.map((wave) => {
      const members = joining.get(wave.number) ?? []
      const formers = [...new Set(members.map(({ formerRelease }) => formerRelease))]
      return { ...wave, formers, tenants: members.slice(0, SHOWN_MAX).map(named) }
    }),
    setAside: targets.flatMap((target) =>
      target.obstacle === null ? [] : [{ ...named(target), reason: target.obstacle }],
    ),
    total: targets.filter(takesPart).length,
    already,
    canGoBack,
    obstacles,
    stopAt,
    concurrency,
    takesMs,
  }
}

/** A plan as a program is told it, with everybody in it and all that would keep it from being started as it is asked for. */
export function planFacts(prospect: Prospect, acceptsNoWayBack: boolean) {
  const { targets, waves, stopAt, takesMs, already, canGoBack } = prospect
  const joining = Map.groupBy(targets.filter(takesPart), ({ wave }) => wave)
  return {
    can_go_back: canGoBack,
    backup: prospect.copies,
    obstacles: allObstacles(prospect, acceptsNoWayBack),
    already,
    stop_at: stopAt,
    takes_ms: takesMs,
    waves: waves.map(({ number, size, startsAfterMs, deploysMs, bakeMs }) => ({
      number: number + 1,
      size,
      starts_after_ms: startsAfterMs,
      deploys_ms: deploysMs,
      bake_ms: bakeMs,
      tenants: (joining.get(number) ?? []).map((target) => ({
        id: target.tenantId,
        subdomain: target.subdomain,
        former_release: target.formerRelease,
        is_canary: target.isCanary,
      })),
    })),
    set_aside: targets.flatMap(({ tenantId, subdomain, obstacle }) =>
      obstacle === null ? [] : [{ id: tenantId, subdomain, reason: obstacle }],
    ),
  }
}

const takesPart = ({ obstacle }: PlannedTarget) => obstacle === null

function named({ tenantId, subdomain, formerRelease, isCanary }: PlannedTarget) {
  return { id: tenantId, subdomain, formerRelease, isCanary }
}
