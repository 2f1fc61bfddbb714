import type { WrittenBlueprint, WrittenReleases } from './schema'

/** How a tenant gets a new release. */
export type Deploy = {
  /** What brings the data to a release: run with the release's image before the app is switched over to it. */
  migrate: { service: string; command: string[] } | null
  /** One more look at the app when it is healthy. */
  smoke: { path: string; expectStatus: number; contains: string | null } | null
  /** How many healthy answers in a row it takes. */
  healthyAnswers: number
  /** How long that may take after the switch. */
  timeoutMinutes: number
  /** Which pushes at GitHub begin a rollout; null when none does. */
  github: GithubSource | null
}

export type GithubSource = {
  /** `owner/app`. */
  repository: string
  /** A push to this branch rolls out the image whose tag is the commit's id, 40 hex digits. */
  branch: string | null
  /** A tag that is pushed rolls out the image of the same tag. */
  tags: boolean
}

/**
 * What a release does to the data: nothing; something that can be taken back; additions that the former release can
 * live with; or more than that, and then there is no way back.
 */
export type Migration = 'none' | 'reversible' | 'expand' | 'contract'

/** One release as releases.yaml tells of it. */
export type ReleaseNote = { tag: string; notes: string; migration: Migration; backup: boolean }

/** How a blueprint deploys, in our own words and with what it left open filled in. */
export function toDeploy({ migrate, smoke, github, ...numbers }: WrittenBlueprint['deploy']): Deploy {
  return {
    migrate: migrate ?? null,
    smoke: smoke
      ? { path: smoke.path, expectStatus: smoke.expect_status, contains: smoke.contains ?? null }
      : null,
    healthyAnswers: numbers.healthy_answers,
    timeoutMinutes: numbers.timeout_minutes,
    github: github ? { ...github, branch: github.branch ?? null } : null,
  }
}

/** Before a release without a way back, each tenant is copied unless the file says otherwise. */
export function toReleases(written: WrittenReleases): ReleaseNote[] {
  return written.map(({ backup, ...release }) => ({
    ...release,
    backup: backup ?? release.migration === 'contract',
  }))
}
