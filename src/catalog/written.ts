import * as v from 'valibot'
import type { ComposeNames } from './compose'
import { type WrittenBlueprint, type WrittenReleases, wordsOf } from './schema'
import { checkTemplate, SETTING_VARIABLES } from './template'
import { parseYaml } from './yaml'

/** Reads one file of a blueprint; every problem begins with the file's name and its line. */
export function readWritten<T>(
  file: string,
  schema: v.GenericSchema<unknown, T>,
  text: string,
): { written: T | null; problems: string[] } {
  const yaml = parseYaml(text)
  if (yaml.problems.length > 0) {
    return { written: null, problems: yaml.problems.map((problem) => `${file}${problem}`) }
  }
  const parsed = v.safeParse(schema, yaml.value)
  if (parsed.success) return { written: parsed.output, problems: [] }
  return {
    written: null,
    problems: parsed.issues.map((issue) => {
      const path = (issue.path ?? []).map((item) => item.key as string | number)
      return `${file}${yaml.place(path)}: ${path.join('.') || 'the file'} ${wordsOf(issue)}`
    }),
  }
}

/** What no field can know by itself. */
export function crossProblems(written: WrittenBlueprint): string[] {
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

/** What no release can know by itself. */
export function releaseProblems(written: WrittenReleases): string[] {
  return repeated('', 'tag', written).map((problem) => `releases.yaml: ${problem}`)
}

function repeated<Key extends string>(list: string, key: Key, items: Record<Key, string>[]): string[] {
  return items.flatMap((item, index) =>
    items.findIndex((other) => other[key] === item[key]) < index
      ? [`${list ? `${list}.` : ''}${index}.${key} repeats ${JSON.stringify(item[key])}`]
      : [],
  )
}

// A limit that one plan lacks would leave that plan's tenants without the setting.
function commonLimits(written: WrittenBlueprint): string[] {
  const [first, ...others] = written.plans.map((plan) => Object.keys(plan.limits))
  return (first ?? []).filter((name) => others.every((names) => names.includes(name)))
}

/** The names that blueprint.yaml uses or expects in compose.yaml. */
export function namesUsed({ settings, backup, deploy }: WrittenBlueprint): ComposeNames {
  const hooks = settings.flatMap((setting) =>
    'rotate' in setting && typeof setting.rotate === 'object' ? [setting.rotate.service] : [],
  )
  return {
    settings: settings.map(({ name }) => name),
    services: [
      ...(backup?.dumps ?? []).map(({ service }) => service),
      ...hooks,
      ...(deploy.migrate ? [deploy.migrate.service] : []),
    ],
    volumes: backup?.volumes ?? [],
  }
}
