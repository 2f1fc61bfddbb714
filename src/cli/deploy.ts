import { parseArgs } from 'node:util'
import { durationWords } from '../../views/components/time'
import { SystemClock } from '../clock'
import type { Environment } from '../config'
import { AtlasError, invalid } from '../errors'
import { parseStrategy, type WrittenStrategy } from '../rollouts/strategy'
import type { Output } from './output'
import { inWords, type Remote, withRemote } from './remote'
import { exitCodeOf, followRollout, type Screen, screenOf, tellRollout } from './rollout-follower'
import { printTable } from './table'

const DEPLOY_USAGE = [
  'Usage: atlas deploy TAG',
  '  --blueprint NAME         which one, when several are sold',
  '  --migration KIND         what it does to the data: none, reversible, expand or contract',
  '  --notes TEXT             what is new',
  '  --backup, --no-backup    whether each tenant is backed up first',
  '  --waves WAVES            up to where each wave goes (1/5%/25%/100%)',
  '  --canary NAME            who is in the first wave; tag:NAME for all with a tag; may be repeated',
  '  --concurrency N          how many tenants at the same time (10)',
  '  --bake MINUTES           how long each wave is watched (10)',
  '  --stop-failures N, --stop-percent P',
  '                           at how many failures it stops and goes back (2, 2 %; whichever is more)',
  '  --no-way-back            yes, even when there is no way back from it',
  '  --dry-run                say who would get it and when, and do nothing: 1 when it would be refused',
  '  --wait                   follow it to its end: 0 when it succeeded, 1 when it did not',
  '  --json                   for programs',
]

type Options = ReturnType<typeof readArgs>

type ToldPlan = {
  release: { tag: string; images: { image: string; digest: string }[] }
  can_go_back: boolean
  backup: boolean
  obstacles: string[]
  already: number
  stop_at: number
  takes_ms: number
  waves: { number: number; size: number; starts_after_ms: number; tenants: { subdomain: string }[] }[]
  set_aside: { subdomain: string; reason: string }[]
}

/**
 * `atlas deploy TAG`: rolls a release out to the fleet. 0 when it has begun, or with --wait has succeeded; 1 when it
 * is refused, stops or goes back; 2 when called wrongly. With --dry-run 1 when the same without it would be refused.
 */
export async function deploy(
  args: string[],
  io: Output,
  env: Environment,
  stop: AbortSignal,
  screen: Screen = screenOf(process.stdout),
): Promise<number> {
  let options: Options
  try {
    options = readArgs(args)
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    io.err(inWords(thrown))
    return 2
  }
  return withRemote(env, io, stop, (remote) =>
    options.dryRun ? foretell(remote, io, options) : begin(remote, io, options, { ...screen, stop }),
  )
}

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean', default: false } as const
const KNOWN = {
  blueprint: TEXT,
  migration: TEXT,
  notes: TEXT,
  backup: FLAG,
  'no-backup': FLAG,
  waves: TEXT,
  canary: { ...TEXT, multiple: true },
  concurrency: TEXT,
  bake: TEXT,
  'stop-failures': TEXT,
  'stop-percent': TEXT,
  'no-way-back': FLAG,
  'dry-run': FLAG,
  wait: FLAG,
  json: FLAG,
} as const

/** Throws `invalid` with what is wrong, and how it is called. */
function readArgs(args: string[]) {
  const { values, tag } = typed(args)
  const { blueprint, migration, notes, backup } = values
  if (backup && values['no-backup']) throw calledWrongly('--backup and --no-backup can’t both be meant.')
  const strategy: WrittenStrategy = {
    waves: values.waves,
    canaries: values.canary?.join(','),
    concurrency: values.concurrency,
    bake_minutes: values.bake,
    stop_failures: values['stop-failures'],
    stop_percent: values['stop-percent'],
  }
  parseStrategy(strategy)
  return {
    asked: {
      tag,
      ...{ blueprint, migration, notes, ...strategy },
      ...((backup || values['no-backup']) && { backup }),
      accepts_no_way_back: values['no-way-back'],
    },
    dryRun: values['dry-run'],
    wait: values.wait,
    json: values.json,
  }
}

function typed(args: string[]) {
  try {
    const { values, positionals } = parseArgs({ args, options: KNOWN, allowPositionals: true })
    const [tag, ...more] = positionals
    if (tag && more.length === 0) return { values, tag }
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown
    throw calledWrongly(thrown.message)
  }
  throw calledWrongly('Say which tag is meant.')
}

function calledWrongly(why: string): AtlasError {
  return invalid([why, ...DEPLOY_USAGE].join('\n'))
}

async function foretell(remote: Remote, io: Output, { asked, json }: Options): Promise<number> {
  const plan = await remote.ask<ToldPlan>('POST', '/api/admin/deploy/plan', asked)
  if (json) io.out(JSON.stringify(plan))
  else tellPlan(io, plan)
  return plan.obstacles.length === 0 ? 0 : 1
}

const NAMES_SHOWN = 5

function tellPlan(io: Output, plan: ToldPlan): void {
  const rows = plan.waves.map(({ number, size, starts_after_ms: after, tenants }) => [
    String(number),
    String(size),
    after === 0 ? 'at once' : `after about ${durationWords(after)}`,
    namesOf(tenants, size),
  ])
  if (rows.length > 0) printTable(io, ['WAVE', 'TENANTS', 'BEGINS', 'WHO'], rows)
  const { release, takes_ms: takes, stop_at: stopAt, already } = plan
  for (const { image, digest } of release.images) io.err(`${image}@${digest}`)
  for (const { subdomain, reason } of plan.set_aside) io.err(`set aside: ${subdomain}. ${reason}`)
  if (already > 0)
    io.err(`${already} ${already === 1 ? 'tenant runs' : 'tenants run'} ${release.tag} already.`)
  if (plan.backup) io.err('Each tenant is backed up first.')
  if (!plan.can_go_back)
    io.err(`There is no way back from ${release.tag}: it starts only with --no-way-back.`)
  io.err(
    `It takes about ${durationWords(takes)}, and stops at ${stopAt === 1 ? '1 failure' : `${stopAt} failures`}.`,
  )
  for (const obstacle of plan.obstacles) io.err(`It can’t be started: ${obstacle}`)
}

function namesOf(tenants: { subdomain: string }[], size: number): string {
  const names = tenants.slice(0, NAMES_SHOWN).map(({ subdomain }) => subdomain)
  return [...names, ...(size > names.length ? [`and ${size - names.length} more`] : [])].join(', ')
}

async function begin(
  remote: Remote,
  io: Output,
  { asked, wait, json }: Options,
  screen: Screen,
): Promise<number> {
  const begun = await remote.ask<{ rollout_id: string }>('POST', '/api/admin/deploy', asked)
  if (!wait) {
    io.out(
      json
        ? JSON.stringify(begun)
        : `${begun.rollout_id} has begun. Follow it with \`atlas rollout status\`.`,
    )
    return 0
  }
  const lines = json ? { ...io, out: io.err } : io
  const rollout = await followRollout(
    remote,
    lines,
    begun.rollout_id,
    json ? { ...screen, columns: null } : screen,
  )
  if (json) io.out(JSON.stringify(rollout))
  tellRollout(io, rollout, (screen.clock ?? new SystemClock()).now())
  return exitCodeOf(rollout)
}
