import { parseArgs } from 'node:util'
import { isLive, type RolloutStatus } from '../../views/admin/rollout-words'
import { SystemClock } from '../clock'
import type { Environment } from '../config'
import { notFound } from '../errors'
import type { Output } from './output'
import { type Remote, withRemote } from './remote'
import {
  askRollout,
  barsOf,
  exitCodeOf,
  followRollout,
  type Screen,
  screenOf,
  type ToldRollout,
  tellRollout,
} from './rollout-follower'
import { printTable, timeText } from './table'
import { confirmLoss, findTenant } from './tenant-command'

type Verb = { words: string; about: string; run(call: Call): Promise<number> }
type Call = {
  remote: Remote
  io: Output
  screen: Screen
  args: string[]
  options: { json: boolean; wait: boolean; yes?: string }
}

const VERBS: Record<string, Verb> = {
  status: { words: '[ID]', about: 'how it stands, and what failed', run: status },
  list: { words: '', about: 'the latest rollouts', run: list },
  hold: { words: '[ID]', about: 'begin nothing more until it is resumed', run: doing('hold') },
  resume: { words: '[ID]', about: 'go on', run: doing('resumption') },
  skip: { words: 'TENANT [ID]', about: 'leave out a tenant that has not begun', run: skip },
  abort: {
    words: '[ID]',
    about: 'end it where it stands; everybody keeps what they have',
    run: doing('abortion'),
  },
  rollback: { words: '[ID]', about: 'take the release back from everybody', run: rollback },
}

const STATUS_COLUMNS = 100

/**
 * `atlas rollout VERB [ID]`: the latest rollout, unless another one is named. 0 when it was done and all is well; 1
 * when it is refused, or the rollout has stopped, went back or waits for a person; 2 when called wrongly.
 */
export async function rollout(
  args: string[],
  io: Output,
  env: Environment,
  stop: AbortSignal,
  screen: Screen = screenOf(process.stdout),
): Promise<number> {
  const call = readArgs(args)
  if (!call) {
    for (const line of rolloutUsage()) io.err(line)
    return 2
  }
  const { verb, ...typed } = call
  return withRemote(env, io, stop, (remote) =>
    verb.run({ remote, io, screen: { ...screen, stop }, ...typed }),
  )
}

/** A line a verb. */
function rolloutUsage(): string[] {
  const verbs = Object.entries(VERBS).map(
    ([name, { words, about }]) => [`  ${name} ${words}`, about] as const,
  )
  const width = Math.max(...verbs.map(([left]) => left.length))
  return [
    'Usage: atlas rollout VERB [ID] [--wait] [--json] [--yes TAG]',
    ...verbs.map(([left, about]) => `${left.padEnd(width)}  ${about}`),
  ]
}

function readArgs([name = '', ...args]: string[]) {
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  const flag = { type: 'boolean', default: false } as const
  try {
    const options = { json: flag, wait: flag, yes: { type: 'string' } } as const
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const most = verb?.words.split(' ').filter(Boolean).length ?? 0
    const least = verb?.words.startsWith('TENANT') ? 1 : 0
    if (!verb || positionals.length > most || positionals.length < least) return null
    return { verb, args: positionals, options: values }
  } catch {
    return null
  }
}

async function status(call: Call): Promise<number> {
  return exitCodeOf(await tell(call, await find(call, call.args[0])))
}

async function list({ remote, io, options }: Call): Promise<number> {
  const found = await remote.ask<Listed>('GET', '/api/admin/rollouts')
  if (options.json) {
    io.out(JSON.stringify(found))
    return 0
  }
  const rows = found.rollouts.map((row) => [
    row.id,
    row.release,
    row.blueprint,
    row.status.replaceAll('_', ' '),
    `${row.settled}/${row.total}`,
    String(row.failed),
    timeText(row.created_at),
  ])
  const titles = ['ID', 'RELEASE', 'BLUEPRINT', 'STATUS', 'TENANTS', 'FAILED', 'BEGUN']
  if (rows.length > 0) printTable(io, titles, rows)
  io.err(found.total === 1 ? '1 rollout' : `${found.total} rollouts`)
  return 0
}

function doing(noun: string): Verb['run'] {
  return async (call) => {
    const { id } = await find(call, call.args[0])
    return change(call, `/api/admin/rollouts/${id}/${noun}`)
  }
}

async function skip(call: Call): Promise<number> {
  const [name = '', id] = call.args
  const { id: tenantId } = await findTenant(call.remote, name)
  const { id: rolloutId } = await find(call, id)
  return change(call, `/api/admin/rollouts/${rolloutId}/targets/${tenantId}/skip`)
}

async function rollback(call: Call): Promise<number> {
  const { io, screen, options } = call
  const { id, release, counts } = await find(call, call.args[0])
  const going = counts.succeeded + counts.deploying
  const tenants = going === 1 ? '1 tenant gets' : `${going} tenants get`
  const losses = [`${tenants} the release back that they had before.`]
  await confirmLoss({ io, stop: screen.stop, options }, { subdomain: release }, losses)
  // Whoever takes it back wants it back.
  return change(call, `/api/admin/rollouts/${id}/way-back`, ({ status }) =>
    status === 'rolled_back' ? 0 : 1,
  )
}

/** The rollout with this id; otherwise one that is live, or the latest. Throws `not_found`. */
async function find({ remote }: Call, id?: string): Promise<ToldRollout> {
  if (id) return askRollout(remote, id)
  const { rollouts } = await remote.ask<Listed>('GET', '/api/admin/rollouts')
  const meant = rollouts.find(({ status }) => isLive(status)) ?? rollouts[0]
  if (!meant) throw notFound('There are no rollouts yet. Begin one with `atlas deploy TAG`.')
  return askRollout(remote, meant.id)
}

/** Does a verb: 0 when it was done, with --wait what came of it. */
async function change(call: Call, path: string, exitCode = exitCodeOf): Promise<number> {
  const rollout = await tell(call, await call.remote.ask<ToldRollout>('POST', path))
  return call.options.wait ? exitCode(rollout) : 0
}

/** Shows how it stands, with --wait after following it. */
async function tell({ remote, io, screen, options }: Call, told: ToldRollout): Promise<ToldRollout> {
  const lines = options.json ? { ...io, out: io.err } : io
  const seen = options.json ? { ...screen, columns: null } : screen
  const rollout = options.wait ? await followRollout(remote, lines, told.id, seen) : told
  const nowMs = (screen.clock ?? new SystemClock()).now()
  if (options.json) io.out(JSON.stringify(rollout))
  else if (!options.wait)
    for (const line of barsOf(rollout, screen.columns ?? STATUS_COLUMNS, nowMs)) io.out(line)
  tellRollout(io, rollout, nowMs)
  return rollout
}

type Listed = {
  rollouts: {
    id: string
    release: string
    blueprint: string
    status: RolloutStatus
    settled: number
    total: number
    failed: number
    created_at: number
  }[]
  total: number
}
