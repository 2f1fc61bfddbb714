import { parseYaml } from './yaml'

/** What a blueprint says of names that compose.yaml uses or has to have. */
export type ComposeNames = { settings: string[]; services: string[]; volumes: string[] }

type Compose = { services?: unknown; volumes?: unknown } | null

/**
 * What is wrong with a compose file; each begins with `:<line>: ` or `: `. Without the names (the blueprint itself
 * has problems) references are not looked at.
 */
export function composeProblems(text: string, names: ComposeNames | undefined): string[] {
  const yaml = parseYaml(text)
  if (yaml.problems.length > 0) return yaml.problems
  const { services, volumes } = (yaml.value ?? {}) as NonNullable<Compose>
  const problems: string[] = []
  if (!has(services, 'app')) {
    problems.push(': services.app is missing: Atlas reports on the service of that name')
  }
  if (!names) return problems
  const lacks = (list: unknown, kind: string, wanted: string[]) =>
    wanted
      .filter((name) => !has(list, name))
      .map((name) => `: ${kind}.${name} is missing, which blueprint.yaml names`)
  return [
    ...problems,
    ...lacks(
      services,
      'services',
      [...new Set(names.services)].filter((name) => name !== 'app'),
    ),
    ...lacks(volumes, 'volumes', names.volumes),
    ...names.volumes.filter((name) => isForeign(volumes, name)).map(foreign),
    ...variablesOf(text)
      .filter((name) => name !== 'RELEASE' && !names.settings.includes(name))
      .map((name) => `: uses ${name}, which no setting gives`),
  ]
}

function has(list: unknown, name: string): boolean {
  return typeof list === 'object' && list !== null && Object.hasOwn(list, name)
}

// The agent finds the files of a volume where Docker's own driver keeps them, and makes one that is not there yet,
// under the name that compose would give it.
function isForeign(volumes: unknown, name: string): boolean {
  const volume = has(volumes, name) ? (volumes as Record<string, unknown>)[name] : null
  return ['driver', 'driver_opts', 'external', 'name'].some((field) => has(volume, field))
}

const foreign = (name: string) =>
  `: volumes.${name} has a driver or name of its own, or is external: it cannot be backed up`

function variablesOf(text: string): string[] {
  const used = text.replaceAll('$$', '').matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)
  return [...new Set([...used].map((match) => match[1]!))]
}
