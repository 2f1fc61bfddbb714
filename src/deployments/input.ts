import type { Blueprint } from '../catalog/blueprint'
import type { TenantSettings } from '../catalog/settings'
import type { PinnedRelease } from '../releases/release'
import type { Settings } from '../services'

export type Deployment = PinnedRelease & {
  /** What the server goes back to when the new release fails. */
  former: PinnedRelease
  /** Whether the data is brought to the release first; never on the way back. */
  migrates: boolean
  /** The releases on the way that change the data for good, oldest first; with any the server never goes back. */
  passes: string[]
  /** Of the releases that did so before, those that the earlier one of both lives with. */
  livesWith: string[]
  /** The tenant's own name, which the app may want to hear. */
  hostname: string
  /** The settings that go with the release; those on the server stay in force when they are absent. */
  settings?: TenantSettings
}

/** The input of the agent's verb `deploy`. */
export function deployInput(
  { health, deploy }: Pick<Blueprint, 'health' | 'deploy'>,
  { registry }: Pick<Settings, 'registry'>,
  { release, images, former, migrates, passes, livesWith, hostname, settings }: Deployment,
): Record<string, unknown> {
  const { migrate, smoke } = deploy
  return {
    release,
    images,
    former,
    health: {
      path: health.path,
      expect_status: health.expectStatus,
      host: hostname,
      answers: deploy.healthyAnswers,
      timeout_seconds: deploy.timeoutMinutes * 60,
    },
    ...(migrates && migrate ? { migrate } : {}),
    lives_with: livesWith,
    ...(passes.length > 0 ? { no_return: passes.at(-1), passes } : {}),
    ...(smoke
      ? {
          smoke: {
            path: smoke.path,
            expect_status: smoke.expectStatus,
            ...(smoke.contains === null ? {} : { contains: smoke.contains }),
          },
        }
      : {}),
    ...(registry ? { registry } : {}),
    ...settings,
  }
}
