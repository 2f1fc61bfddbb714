import type { Import } from './graph.ts'

const contracts = /^src\/providers\/(payments|cloud|dns|mailer|machines|probe|objects|registry)\.ts$/
const simulatorUsers = /^src\/cli\/(demo|demo-clouds|simulator)\.ts$/
// The demo's fleet is made of the simulator's own objects; it comes into memory only when it is asked for.
const fleet = /^src\/cli\/(demo-fleet\.ts|fleet\/.+)$/
const crashtest = /^src\/(crashtest\/|cli\/crashtest(-rows)?\.ts$)/

/** From the top down: a file imports from its own layer and from those below. */
const layers: [name: string, path: RegExp | null][] = [
  ['main', /^src\/main\.ts$/],
  ['the commands', /^src\/cli\//],
  ['the crash simulation', /^src\/crashtest\//],
  ['atlas', /^src\/(atlas(\.ts$|\/)|demo\/)/],
  ['app and schedule', /^src\/(app|schedule)\.ts$/],
  ['routes', /^src\/routes(\.ts$|\/)/],
  ['the domain', null],
  ['runs', /^src\/runs\//],
  ['the database', /^src\/(db\/|audit\.ts$)/],
  ['errors, clock, log', /^src\/(errors|clock|log|ids|config|secrets)\.ts$|^src\/config\//],
]

const theDomain = layers.findIndex(([name]) => name === 'the domain')

/** The floors within the domain, from the top down. */
const floors = [
  'timeline',
  'upkeep',
  'reconcile',
  'inbox',
  'checkouts',
  'lifecycle',
  'rollouts',
  'deployments',
  'backups',
  'provisioning',
  'releases',
  'signups',
  'billing',
  'quotas',
  'health',
  'tenants',
  'accounts',
  'catalog',
]

type Rule = { name: string; broken: (found: Import) => boolean }

/** The rules of who may import whom. */
export const rules: Rule[] = [
  {
    name: 'imports point down',
    broken: ({ from, to }) => isLayered(from) && isLayered(to) && layerOf(to) < layerOf(from),
  },
  {
    name: 'the domain’s folders do not need those above them',
    broken: ({ from, to }) => floorOf(from) >= 0 && floorOf(to) >= 0 && floorOf(to) < floorOf(from),
  },
  {
    name: 'every folder of the domain has its floor',
    broken: ({ from }) =>
      isLayered(from) && layerOf(from) === theDomain && isInFolder(from) && floorOf(from) < 0,
  },
  {
    name: 'providers are leaves: they import errors, the clock and each other',
    broken: ({ from, to }) =>
      from.startsWith('src/providers/') &&
      isOurs(to) &&
      !/^src\/(errors|clock)\.ts$|^src\/providers\//.test(to),
  },
  {
    name: 'real clients are made by atlas and in commands; everyone else knows the contracts only',
    broken: ({ from, to }) =>
      to.startsWith('src/providers/') &&
      !contracts.test(to) &&
      !/^src\/(providers\/|atlas(\.ts$|\/)|demo\/|cli\/|crashtest\/)/.test(from),
  },
  {
    name: 'views import types only',
    broken: ({ from, to, kind }) => from.startsWith('views/') && to.startsWith('src/') && kind !== 'type',
  },
  {
    name: 'pages are drawn by routes and mails by the domain, nothing below draws',
    broken: ({ from, to }) =>
      to.startsWith('views/') &&
      (/^src\/(providers|simulator)\//.test(from) || (isLayered(from) && layerOf(from) > theDomain)),
  },
  {
    name: 'the simulator imports errors and the clock only',
    broken: ({ from, to }) =>
      from.startsWith('src/simulator/') &&
      isOurs(to) &&
      !/^src\/(errors|clock)\.ts$|^src\/simulator\//.test(to),
  },
  {
    name: 'only the demo’s commands import the simulator, and only when they run',
    broken: ({ from, to, kind }) =>
      to.startsWith('src/simulator/') &&
      !from.startsWith('src/simulator/') &&
      !fleet.test(from) &&
      !crashtest.test(from) &&
      !(simulatorUsers.test(from) && kind !== 'value'),
  },
  {
    name: 'the fleet is loaded only when it is asked for',
    broken: ({ from, to, kind }) => fleet.test(to) && !fleet.test(from) && kind === 'value',
  },
  {
    name: 'the crash simulation is loaded only when it is asked for',
    broken: ({ from, to, kind }) => crashtest.test(to) && !crashtest.test(from) && kind === 'value',
  },
  {
    name: 'what is imported is named in full',
    broken: ({ to }) => to === '',
  },
]

/** Every broken rule, as `rule: from -> to`. */
export function violations(imports: Import[]): string[] {
  return rules.flatMap(({ name, broken }) =>
    imports.filter(broken).map(({ from, to }) => `${name}: ${from} -> ${to}`),
  )
}

function isOurs(path: string): boolean {
  return /^(src|views|scripts|test)\//.test(path)
}

function isLayered(path: string): boolean {
  return path.startsWith('src/') && !/^src\/(providers|simulator)\//.test(path)
}

/** What no other layer names is the domain's. */
function layerOf(path: string): number {
  const named = layers.findIndex(([, pattern]) => pattern?.test(path))
  return named >= 0 ? named : theDomain
}

function isInFolder(path: string): boolean {
  return path.split('/').length > 2
}

/** -1 for what is on no floor of the domain. */
function floorOf(path: string): number {
  return floors.indexOf(path.match(/^src\/([^/]+)\//)?.[1] ?? '')
}
