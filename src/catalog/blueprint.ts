import * as v from 'valibot'
import type { Environment } from '../config'
import { type ComposeNames, composeProblems } from './compose'
import { sampleUserData } from './sample'
import { blueprintSchema, type WrittenBlueprint, wordsOf } from './schema'
import { checkTemplate, SETTING_VARIABLES } from './template'
import { USER_DATA_BYTES_MAX, userDataProblems } from './user-data'
import { parseYaml } from './yaml'

/** A blueprint as three texts of one folder; `name` is the folder's. */
export type BlueprintSource = { name: string; blueprint: string; userData: string; compose: string }

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
  const { written, problems } = readWritten(source.blueprint)
  if (written && written.name !== source.name) {
    problems.push(`blueprint.yaml: name is not the folder's name, ${quoted(source.name)}`)
  }
  if (written) problems.push(...crossProblems(written).map((problem) => `blueprint.yaml: ${problem}`))
  problems.push(...userDataProblems(source.userData).map((problem) => `user-data.yaml${problem}`))
  const names = written ? namesUsed(written) : undefined
  problems.push(...composeProblems(source.compose, names).map((problem) => `compose.yaml${problem}`))
  if (!written || problems.length > 0) return { blueprint: null, problems }
  const blueprint = toBlueprint(written, source)
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
  return toBlueprint(v.parse(blueprintSchema, Bun.YAML.parse(source.blueprint)), source)
}

/** The variables of Atlas's environment without which a sold blueprint cannot be served. */
export function missingVariables(blueprint: Blueprint, env: Environment): string[] {
  const shared = blueprint.settings.flatMap((setting) =>
    'from' in setting && setting.required ? [setting.from] : [],
  )
  const needed = [...blueprint.plans.map((plan) => plan.priceVariable), ...shared]
  return [...new Set(needed)].filter((name) => !env[name]?.trim())
}

function readWritten(text: string): { written: WrittenBlueprint | null; problems: string[] } {
  const yaml = parseYaml(text)
  if (yaml.problems.length > 0) {
    return { written: null, problems: yaml.problems.map((problem) => `blueprint.yaml${problem}`) }
  }
  const parsed = v.safeParse(blueprintSchema, yaml.value)
  if (parsed.success) return { written: parsed.output, problems: [] }
  return {
    written: null,
    problems: parsed.issues.map((issue) => {
      const path = (issue.path ?? []).map((item) => item.key as string | number)
      return `blueprint.yaml${yaml.place(path)}: ${path.join('.') || 'the file'} ${wordsOf(issue)}`
    }),
  }
}

// What no field can know by itself.
function crossProblems(written: WrittenBlueprint): string[] {
  const problems = [
    ...repeated('plans', 'key', written.plans),
    ...repeated('settings', 'name', written.settings),
    ...repeated('backup.dumps', 'name', written.backup?.dumps ?? []),
  ]
  if (written.server.locations && !written.server.locations.includes(written.server.location)) {
    problems.push('server.locations does not hold server.location')
  }
  written.settings.forEach((setting, index) => {
    if (!('value' in setting)) return
    const allowed = [...SETTING_VARIABLES, ...commonLimits(written).map((name) => `plan.limits.${name}`)]
    for (const words of checkTemplate(setting.value, allowed))
      problems.push(`settings.${index}.value ${words}`)
  })
  return problems
}

function repeated<Key extends string>(list: string, key: Key, items: Record<Key, string>[]): string[] {
  return items.flatMap((item, index) =>
    items.findIndex((other) => other[key] === item[key]) < index
      ? [`${list}.${index}.${key} repeats ${quoted(item[key])}`]
      : [],
  )
}

// A limit that one plan lacks would leave that plan's tenants without the setting.
function commonLimits(written: WrittenBlueprint): string[] {
  const [first, ...others] = written.plans.map((plan) => Object.keys(plan.limits))
  return (first ?? []).filter((name) => others.every((names) => names.includes(name)))
}

function namesUsed({ settings, backup }: WrittenBlueprint): ComposeNames {
  const hooks = settings.flatMap((setting) =>
    'rotate' in setting && typeof setting.rotate === 'object' ? [setting.rotate.service] : [],
  )
  return {
    settings: settings.map(({ name }) => name),
    services: [...(backup?.dumps ?? []).map(({ service }) => service), ...hooks],
    volumes: backup?.volumes ?? [],
  }
}

function toBlueprint(written: WrittenBlueprint, source: BlueprintSource): Blueprint {
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

const quoted = (text: string) => JSON.stringify(text)
