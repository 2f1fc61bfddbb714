import * as v from 'valibot'
import type { Environment } from '../config'
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
  | { name: string; generate: { kind: 'password' | 'hex' | 'base64url'; length: number } }
  | { name: string; from: string; required: boolean }

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
  const names = written?.settings.map(({ name }) => name)
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

// Without the settings' names (the blueprint itself has problems) references are not looked at.
function composeProblems(text: string, names: string[] | undefined): string[] {
  const yaml = parseYaml(text)
  if (yaml.problems.length > 0) return yaml.problems
  const services = (yaml.value as { services?: Record<string, unknown> } | null)?.services
  const problems: string[] = []
  if (!services || typeof services !== 'object' || !Object.hasOwn(services, 'app')) {
    problems.push(': services.app is missing: Atlas reports on the service of that name')
  }
  const used = [...text.replaceAll('$$', '').matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(
    (match) => match[1]!,
  )
  for (const name of new Set(names ? used : [])) {
    if (name !== 'RELEASE' && !names?.includes(name)) problems.push(`: uses ${name}, which no setting gives`)
  }
  return problems
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
    plans: written.plans.map(toPlan),
    settings: written.settings.map(toSetting),
    reservedSubdomains: written.reserved_subdomains ?? [],
    userData: source.userData,
    compose: source.compose,
  }
}

function toPlan(plan: WrittenBlueprint['plans'][number]): Plan {
  const { price_variable: priceVariable, server, ...same } = plan
  const { memory_gb: memoryGb, disk_gb: diskGb, prefer = [], ...cpu } = server
  return { ...same, priceVariable, server: { ...cpu, memoryGb, diskGb, prefer } }
}

function toSetting(setting: WrittenBlueprint['settings'][number]): Setting {
  if (!('from' in setting)) return setting
  return { name: setting.name, from: setting.from, required: setting.required ?? true }
}

const quoted = (text: string) => JSON.stringify(text)
