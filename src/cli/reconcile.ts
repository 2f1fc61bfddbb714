import { parseArgs } from 'node:util'
import { moneyList, moneyText } from '../../views/components/money'
import { SystemClock, sleep } from '../clock'
import type { Environment } from '../config'
import { asAtlasError, conflict } from '../errors'
import type { Source } from '../reconcile/source'
import { SOURCE_WORDS } from '../reconcile/words'
import type { Output } from './output'
import { type Remote, withRemote } from './remote'
import { printTable, timeText } from './table'
import { ask } from './tenant-command'

const USAGE = 'Usage: atlas reconcile [--apply [--yes]] [--json]'
const LOOK_EVERY_MS = 500

type ToldLook = {
  id: string
  status: 'running' | 'complete' | 'failed'
  counts: Record<string, number>
  unlisted: { source: Source; error: string; since: number }[]
  error: string | null
}

type Money = { amount: number; currency: string }

type ToldFinding = {
  id: string
  title: string
  would: string
  remedy: string | null
  deletes: boolean
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

type Applied = { id: string; title: string; error: string | null }

/**
 * `atlas reconcile [--apply]`: has the running Atlas look at everything that the clouds hold. With `--apply` it lists
 * what may be done about it now, asks, and has it done. 0 when nothing is found or nothing is left, 1 when findings remain
 * or the look failed or could not list everything, 2 when called wrongly.
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
    const look = await follow(remote, stop)
    let drift = await listAll(remote)
    const applied = options.apply ? await applyAll(remote, io, drift, { ...options, stop }) : []
    if (applied.length > 0) drift = await listAll(remote)
    if (options.json) io.out(JSON.stringify({ look, ...(options.apply && { applied }), ...drift }))
    else tell(io, look, drift, applied)
    return look.status === 'complete' && look.unlisted.length === 0 && drift.total === 0 ? 0 : 1
  })
}

function readArgs(args: string[]): { apply: boolean; yes: boolean; json: boolean } | null {
  const flag = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({ args, options: { apply: flag, yes: flag, json: flag }, strict: true })
    return values.yes && !values.apply ? null : values
  } catch {
    return null
  }
}

async function follow(remote: Remote, stop: AbortSignal): Promise<ToldLook> {
  const begun = await remote.ask<{ look_id: string }>('POST', '/api/admin/drift/looks', {})
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

type Asking = { yes: boolean; stop: AbortSignal }

/** Does what may be done now, once somebody has seen what that is. Throws `conflict` when nobody says yes. */
async function applyAll(
  remote: Remote,
  io: Output,
  { findings }: ToldDrift,
  asking: Asking,
): Promise<Applied[]> {
  const possible = findings.filter(({ may_apply }) => may_apply)
  if (possible.length === 0) return []
  await confirm(io, possible, asking)
  const applied: Applied[] = []
  for (const { id, title } of possible) {
    const error = await remote.ask('POST', `/api/admin/drift/findings/${id}/application`).then(
      () => null,
      (thrown: unknown) => asAtlasError(thrown).message,
    )
    applied.push({ id, title, error })
  }
  return applied
}

async function confirm(io: Output, possible: ToldFinding[], { yes, stop }: Asking): Promise<void> {
  io.err('Atlas would do this now:')
  for (const { title, would, deletes } of possible) io.err(`  ${deletes ? 'DELETES  ' : ''}${title} ${would}`)
  if (yes) return
  if (!process.stdin.isTTY) throw conflict('Nothing was done. Say --yes to have all of it done.')
  if ((await ask('Type yes to have all of it done: ', stop)) !== 'yes') throw conflict('Nothing was done.')
}

function tell(io: Output, look: ToldLook, { findings, cost_per_month }: ToldDrift, applied: Applied[]): void {
  if (look.status === 'failed')
    io.err(`The look did not come to its end: ${look.error ?? 'no reason was recorded'}`)
  for (const { source, error, since } of look.unlisted)
    io.err(`${SOURCE_WORDS[source]} could not be listed since ${timeText(since)}: ${error}`)
  const rows = findings.map((finding) => [
    finding.title,
    finding.cost_per_month ? moneyText(finding.cost_per_month) : '',
    finding.error ?? whatNext(finding),
  ])
  if (rows.length > 0) printTable(io, ['FINDING', 'A MONTH', 'WHAT NEXT'], rows)
  const mended = (look.counts.mended ?? 0) + applied.filter(({ error }) => error === null).length
  if (mended > 0) io.err(`${mended} ${mended === 1 ? 'finding was' : 'findings were'} put right.`)
  if (findings.length > 0) io.err(`${findings.length} open, ${moneyList(cost_per_month)} a month.`)
  else if (look.status === 'complete')
    io.err(look.unlisted.length > 0 ? 'The rest agrees.' : 'Everything agrees.')
}

function whatNext({ would, may_apply, confirmed_after, remedy }: ToldFinding): string {
  if (remedy === null || may_apply) return would
  return `${would} Not before ${timeText(confirmed_after)}, when a look still sees it.`
}
