import { durationWords } from '../../views/components/time'
import { SystemClock } from '../clock'
import type { Environment } from '../config'
import { AtlasError } from '../errors'
import { readDeployArgs } from './deploy-args'
import type { Output } from './output'
import { inWords, type Remote, withRemote } from './remote'
import { exitCodeOf, followRollout, type Screen, screenOf, tellRollout } from './rollout-follower'
import { printTable } from './table'

type Options = ReturnType<typeof readDeployArgs>

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
    options = readDeployArgs(args)
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    io.err(inWords(thrown))
    return 2
  }
  return withRemote(env, io, stop, (remote) =>
    options.dryRun ? foretell(remote, io, options) : begin(remote, io, options, { ...screen, stop }),
  )
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
