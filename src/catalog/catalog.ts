import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Environment } from '../config'
import { invalid, notFound } from '../errors'
import { type Blueprint, type BlueprintSource, missingVariables, type Plan, planId } from './blueprint'
import { parseBlueprint, readSound } from './parse'
import { FILE_BYTES_MAX } from './yaml'

const BLUEPRINTS_MAX = 100

/** Everything that this installation serves and sells. */
export type Catalog = {
  /** Those of BLUEPRINTS_DIR first, then those of the binary. */
  blueprints: readonly Blueprint[]
  /** The first that is sold: the shop takes its name, words and accent from it. */
  front: Blueprint
  /** The plans that can be bought, in the order of their blueprints. */
  offers: readonly CatalogEntry[]
  /** Throws `not_found`. */
  blueprint(name: string): Blueprint
  /** By an id such as `virtues/starter`, sold or not. Throws `not_found`. */
  plan(id: string): CatalogEntry
}

export type CatalogEntry = {
  id: string
  blueprint: Blueprint
  plan: Plan
  /** Stripe's; empty when the blueprint is not sold and the variable is not set. */
  priceId: string
}

/**
 * Reads the blueprints of the binary and of `dir`, where a folder of the same name replaces the binary's.
 * Throws one `invalid` that lists every problem of every blueprint.
 */
export function loadCatalog(options: {
  builtin: BlueprintSource[]
  dir?: string
  env: Environment
}): Catalog {
  const { own, builtin, problems } = readBlueprints(options)
  const alone = !own.some(({ sold }) => sold)
  // Beside a blueprint of the operator's own, a built-in one is sold only if somebody gave it a price.
  const isSold = (it: Blueprint) => it.sold && (alone || hasPrice(it, options.env))
  const blueprints = [...own, ...builtin.map((it) => ({ ...it, sold: isSold(it) }))]
  for (const blueprint of blueprints.filter(({ sold }) => sold)) {
    const missing = missingVariables(blueprint, options.env)
    problems.push(...missing.map((name) => `${blueprint.name} needs ${name} in the environment`))
  }
  const front = blueprints.find(({ sold }) => sold)
  if (problems.length === 0 && !front) problems.push('no blueprint is sold')
  if (problems.length > 0 || !front) throw invalid(listed(problems))
  return catalogOf(blueprints, front, options.env)
}

/** The blueprints of `dir`, and those of the binary that none of these replaces, with the problems of the former. */
export function readBlueprints({ builtin, dir }: { builtin: BlueprintSource[]; dir?: string }): {
  own: Blueprint[]
  builtin: Blueprint[]
  problems: string[]
} {
  const { sources, problems } = dir ? readFolder(dir) : { sources: [], problems: [] }
  const own: Blueprint[] = []
  for (const source of sources) {
    const parsed = parseBlueprint(source)
    problems.push(...parsed.problems.map((problem) => `${source.name}/${problem}`))
    if (parsed.blueprint) own.push(parsed.blueprint)
  }
  const replaced = new Set(sources.map((source) => source.name))
  return { own, builtin: builtin.filter(({ name }) => !replaced.has(name)).map(readSound), problems }
}

function hasPrice({ plans }: Blueprint, env: Environment): boolean {
  return plans.some(({ priceVariable }) => Boolean(env[priceVariable]?.trim()))
}

/** Reads one blueprint's folder. Returns problems for a file that is missing, unreadable or too big. */
export function readSource(dir: string): { source: BlueprintSource | null; problems: string[] } {
  const name = basename(resolve(dir))
  const problems: string[] = []
  const read = (file: string) => {
    const text = readBounded(join(dir, file))
    if (text === null) problems.push(`${file}: cannot be read, or has more than ${FILE_BYTES_MAX} bytes`)
    return text ?? ''
  }
  const blueprint = read('blueprint.yaml')
  const userData = read('user-data.yaml')
  const compose = read('compose.yaml')
  const releases = existsSync(join(dir, 'releases.yaml')) ? read('releases.yaml') : undefined
  const source = { name, blueprint, userData, compose, releases }
  return { source: problems.length > 0 ? null : source, problems }
}

function readFolder(dir: string): { sources: BlueprintSource[]; problems: string[] } {
  const names = foldersIn(dir)
  if (!names) return { sources: [], problems: [`BLUEPRINTS_DIR cannot be read`] }
  if (names.length > BLUEPRINTS_MAX) {
    return { sources: [], problems: [`BLUEPRINTS_DIR holds more than ${BLUEPRINTS_MAX} folders`] }
  }
  const read = names.map((name) => ({ name, ...readSource(join(dir, name)) }))
  return {
    sources: read.flatMap(({ source }) => source ?? []),
    problems: read.flatMap(({ name, problems }) => problems.map((problem) => `${name}/${problem}`)),
  }
}

function foldersIn(dir: string): string[] | null {
  try {
    const folders = readdirSync(dir, { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() || entry.isSymbolicLink(),
    )
    return folders
      .map((entry) => entry.name)
      .filter((name) => !name.startsWith('.'))
      .sort()
  } catch {
    return null
  }
}

function readBounded(path: string): string | null {
  try {
    const facts = statSync(path)
    return facts.isFile() && facts.size <= FILE_BYTES_MAX ? readFileSync(path, 'utf8') : null
  } catch {
    return null
  }
}

function catalogOf(blueprints: Blueprint[], front: Blueprint, env: Environment): Catalog {
  const entries = blueprints.flatMap((blueprint) =>
    blueprint.plans.map((plan) => ({
      id: planId(blueprint, plan),
      blueprint,
      plan,
      priceId: env[plan.priceVariable]?.trim() ?? '',
    })),
  )
  return {
    blueprints,
    front,
    offers: entries.filter(({ blueprint }) => blueprint.sold),
    blueprint: (name) =>
      found(
        blueprints.find((blueprint) => blueprint.name === name),
        'There is no such blueprint.',
      ),
    plan: (id) =>
      found(
        entries.find((entry) => entry.id === id),
        'There is no such plan.',
      ),
  }
}

function found<T>(value: T | undefined, words: string): T {
  if (value === undefined) throw notFound(words)
  return value
}

function listed(problems: string[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  return `The blueprints have ${count}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`
}
