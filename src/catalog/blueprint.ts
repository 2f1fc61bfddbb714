import * as v from 'valibot'
import type { Environment } from '../config'
import { composeProblems } from './compose'
import { type Deploy, type ReleaseNote, toDeploy, toReleases } from './deploy'
import { imageProblems } from './images'
import { sampleUserData } from './sample'
import { blueprintSchema, releasesSchema, type WrittenBlueprint, type WrittenReleases } from './schema'
import { USER_DATA_BYTES_MAX, userDataProblems } from './user-data'
import { crossProblems, namesUsed, readWritten, releaseProblems } from './written'

/** A blueprint as the texts of one folder; `name` is the folder's. */
export type BlueprintSource = {
  name: string
  blueprint: string
  userData: string
  compose: string
  /** releases.yaml, which need not be there. */
  releases?: string
}

/** The versioned description of what a tenant runs, and of the plans under which it is sold. */
export type Blueprint = {
  name: string
  shop: Shop
  /** The release that new tenants start at. */
  release: string
  /** False for a blueprint that only serves the tenants it already has. */
  sold: boolean
  server: { image: string; location: string; locations: string[] }
  health: { path: string; expectStatus: number; timeoutMinutes: number }
  /** Whether visitors of a suspended tenant get a page that says so. */
  suspension: { holdingPage: boolean }
  deploy: Deploy
  /** What is known of releases beforehand. */
  releases: ReleaseNote[]
  /** What the agent copies; null when it can copy nothing of this app. */
  backup: BackupContents | null
  plans: Plan[]
  settings: Setting[]
  reservedSubdomains: string[]
  /** Template of the user-data. */
  userData: string
  compose: string
}

export type Shop = {
  name: string
  tagline: string
  description: string
  /** `#rrggbb`. */
  accent: string
  supportEmail: string | null
  features: string[]
}

export type Plan = {
  key: string
  name: string
  summary: string
  /** `amount` in minor units. */
  price: { amount: number; currency: string; interval: 'month' | 'year' }
  /** The environment variable that holds Stripe's price id. */
  priceVariable: string
  approval: 'automatic' | 'manual'
  server: PlanServer
  /** Such as `tokens_per_month`. */
  limits: Record<string, number>
  features: string[]
  backups: PlanBackups
}

/** How often what is copied, and for how long it is kept. */
export type PlanBackups = {
  everyHours: number
  retentionDays: 7 | 30 | 90
  /** An image of the whole server every so many days; 0 for none. */
  imagesEveryDays: number
  /** Whether the cloud makes daily copies of its own, which it charges for. */
  cloud: boolean
}

export type BackupContents = {
  /** `dump` writes to standard output what `restore` reads from standard input, both inside the service's container. */
  dumps: { name: string; service: string; dump: string[]; restore: string[] }[]
  /** Names of volumes in compose.yaml. */
  volumes: string[]
}

export type PlanServer = {
  vcpu: number
  cpu: 'shared' | 'dedicated'
  memoryGb: number
  diskGb: number
  /** Server types to take before the cheapest that would do. */
  prefer: string[]
}

export type Setting =
  | { name: string; value: string }
  | {
      name: string
      generate: { kind: 'password' | 'hex' | 'base64url'; length: number }
      rotate: Rotation | null
    }
  | { name: string; from: string; required: boolean }

/**
 * How the app takes a new value of a secret: with its next start alone, or after a command in a service's container
 * that finds it in NEW_VALUE. A secret without either is never changed.
 */
export type Rotation = 'restart' | { service: string; command: string[] }

/** The plan's id across blueprints, such as `virtues/starter`. */
export const planId = (blueprint: Blueprint, plan: Plan): string => `${blueprint.name}/${plan.key}`

/** Reads a blueprint; with any problem there is no blueprint, and every problem is named with its place. */
export function parseBlueprint(
  source: BlueprintSource,
): { blueprint: Blueprint; problems: [] } | { blueprint: null; problems: string[] } {
  const { written, problems } = readWritten('blueprint.yaml', blueprintSchema, source.blueprint)
  if (written && written.name !== source.name) {
    problems.push(`blueprint.yaml: name is not the folder's name, ${JSON.stringify(source.name)}`)
  }
  if (written) problems.push(...crossProblems(written).map((problem) => `blueprint.yaml: ${problem}`))
  const releases = readWritten('releases.yaml', releasesSchema, source.releases ?? '[]')
  problems.push(...releases.problems, ...releaseProblems(releases.written ?? []))
  problems.push(...userDataProblems(source.userData).map((problem) => `user-data.yaml${problem}`))
  const names = written ? namesUsed(written) : undefined
  problems.push(...composeProblems(source.compose, names).map((problem) => `compose.yaml${problem}`))
  if (!written || !releases.written || problems.length > 0) return { blueprint: null, problems }
  const blueprint = toBlueprint(written, releases.written, source)
  const images = imageProblems(blueprint).map((problem) => `compose.yaml${problem}`)
  if (images.length > 0) return { blueprint: null, problems: images }
  const bytes = Buffer.byteLength(sampleUserData(blueprint))
  if (bytes <= USER_DATA_BYTES_MAX) return { blueprint, problems: [] }
  const words = `user-data.yaml: becomes ${bytes} bytes with the agent, more than ${USER_DATA_BYTES_MAX}`
  return { blueprint: null, problems: [words] }
}

/**
 * Reads a blueprint that was found sound before, as those in the binary were when it was tested: Bun's own parser
 * says nothing of places, and takes a fiftieth of the time from every start.
 */
export function readSound(source: BlueprintSource): Blueprint {
  const written = v.parse(blueprintSchema, Bun.YAML.parse(source.blueprint))
  return toBlueprint(written, v.parse(releasesSchema, Bun.YAML.parse(source.releases ?? '[]')), source)
}

/** The variables of Atlas's environment without which a sold blueprint cannot be served. */
export function missingVariables(blueprint: Blueprint, env: Environment): string[] {
  const shared = blueprint.settings.flatMap((setting) =>
    'from' in setting && setting.required ? [setting.from] : [],
  )
  const needed = [...blueprint.plans.map((plan) => plan.priceVariable), ...shared]
  return [...new Set(needed)].filter((name) => !env[name]?.trim())
}

function toBlueprint(
  written: WrittenBlueprint,
  releases: WrittenReleases,
  source: BlueprintSource,
): Blueprint {
  const { shop, server, health } = written
  return {
    name: written.name,
    shop: {
      name: shop.name,
      tagline: shop.tagline,
      description: shop.description,
      accent: shop.accent,
      supportEmail: shop.support_email ?? null,
      features: shop.features ?? [],
    },
    release: written.release,
    sold: written.sold ?? true,
    server: { ...server, locations: server.locations ?? [server.location] },
    health: {
      path: health.path,
      expectStatus: health.expect_status,
      timeoutMinutes: health.timeout_minutes,
    },
    suspension: { holdingPage: written.suspension.holding_page },
    deploy: toDeploy(written.deploy),
    releases: toReleases(releases),
    backup: written.backup ?? null,
    plans: written.plans.map(toPlan),
    settings: written.settings.map(toSetting),
    reservedSubdomains: written.reserved_subdomains ?? [],
    userData: source.userData,
    compose: source.compose,
  }
}

function toPlan(plan: WrittenBlueprint['plans'][number]): Plan {
  const { price_variable: priceVariable, server, backups, ...same } = plan
  const { memory_gb: memoryGb, disk_gb: diskGb, prefer = [], ...cpu } = server
  return {
    ...same,
    priceVariable,
    server: { ...cpu, memoryGb, diskGb, prefer },
    backups: {
      everyHours: backups.every_hours,
      retentionDays: backups.retention_days,
      imagesEveryDays: backups.images_every_days,
      cloud: backups.cloud,
    },
  }
}

function toSetting(setting: WrittenBlueprint['settings'][number]): Setting {
  if ('value' in setting) return setting
  if ('generate' in setting) return { ...setting, rotate: setting.rotate ?? null }
  return { name: setting.name, from: setting.from, required: setting.required ?? true }
}
