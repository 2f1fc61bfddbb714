import { parseArgs } from 'node:util'
import { moneyList, moneyText } from '../../views/components/money'
import { SystemClock, sleep } from '../clock'
import type { Environment } from '../config'
import type { Output } from './output'
import { type Remote, withRemote } from './remote'
import { printTable, timeText } from './table'

const USAGE = 'Usage: atlas reconcile [--apply] [--json]'
const LOOK_EVERY_MS = 500

type ToldLook = {
  id: string
  status: 'running' | 'complete' | 'failed'
  counts: Record<string, number>
  error: string | null
}

type Money = { amount: number; currency: string }

type ToldFinding = {
  id: string
  title: string
  would: string
  remedy: string | null
  may_apply: boolean
  confirmed_after: number | null
  cost_per_month: Money | null
  error: string | null
}

type ToldDrift = {
  cost_per_month: Money[]
  findings: ToldFinding[]
  total: number
}

/**
 * `atlas reconcile [--apply]`: has the running Atlas look at everything that the clouds hold, and apply what may be
 * applied now. 0 when nothing is found or everything was applied, 1 when findings remain or the look failed, 2 when
 * called wrongly.
 */
export async function reconcile(
  args: string[],
  io: Output,
  env: Environment,
  stop: AbortSignal,
): Promise<number> {
  const options = readArgs(args)
  if (!options) {
    io.err(USAGE)
    return 2
  }
  return withRemote(env, io, stop, async (remote) => {
    const look = await follow(remote, options.apply, stop)
    const drift = await listAll(remote)
    if (options.json) io.out(JSON.stringify({ look, ...drift }))
    else tell(io, look, drift)
    return look.status === 'complete' && drift.total === 0 ? 0 : 1
  })
}

function readArgs(args: string[]): { apply: boolean; json: boolean } | null {
  const flag = { type: 'boolean', default: false } as const
  try {
    return parseArgs({ args, options: { apply: flag, json: flag }, strict: true }).values
  } catch {
    return null
  }
}

async function follow(remote: Remote, apply: boolean, stop: AbortSignal): Promise<ToldLook> {
  const begun = await remote.ask<{ look_id: string }>('POST', '/api/admin/drift/looks', { apply })
  for (;;) {
    const look = await remote.ask<ToldLook>('GET', `/api/admin/drift/looks/${begun.look_id}`)
    if (look.status !== 'running') return look
    await sleep(new SystemClock(), LOOK_EVERY_MS, stop)
  }
}

/** Every open finding, page after page. */
async function listAll(remote: Remote): Promise<ToldDrift> {
  const first = await remote.ask<ToldDrift>('GET', '/api/admin/drift')
  const findings = [...first.findings]
  for (let page = 2; findings.length < first.total; page++) {
    const next = await remote.ask<ToldDrift>('GET', `/api/admin/drift?page=${page}`)
    if (next.findings.length === 0) break
    findings.push(...next.findings)
  }
  return { ...first, findings }
}

function tell(io: Output, look: ToldLook, { findings, cost_per_month }: ToldDrift): void {
  if (look.status === 'failed')
    io.err(`The look did not come to its end: ${look.error ?? 'no reason was recorded'}`)
  const rows = findings.map((finding) => [
    finding.title,
    finding.cost_per_month ? moneyText(finding.cost_per_month) : '',
    finding.error ?? whatNext(finding),
  ])
  if (rows.length > 0) printTable(io, ['FINDING', 'A MONTH', 'WHAT NEXT'], rows)
  const mended = look.counts.mended ?? 0
  if (mended > 0) io.err(`${mended} ${mended === 1 ? 'finding was' : 'findings were'} put right.`)
  if (findings.length > 0) io.err(`${findings.length} open, ${moneyList(cost_per_month)} a month.`)
  else if (look.status === 'complete') io.err('Everything agrees.')
}

function whatNext({ would, may_apply, confirmed_after, remedy }: ToldFinding): string {
  if (remedy === null || may_apply) return would
  return `${would} Not before ${timeText(confirmed_after)}, when a look still sees it.`
}
