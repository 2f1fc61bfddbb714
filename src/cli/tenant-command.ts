import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { conflict, invalid, notFound } from '../errors'
import type { Output } from './output'
import type { Remote } from './remote'
import { followRun } from './run-follower'

/** One of the sub-commands of `atlas tenants`; each file of them has a table that tenants.ts puts together. */
export type TenantCommand = {
  /** What follows its name, then its options: `NAME PLAN [--option]`. */
  words: string
  /** What it does, in a few words. */
  about: string
  /** Options of its own besides --json, --wait and --yes. */
  options?: Record<string, { type: 'string' | 'boolean' }>
  run(call: TenantCall): Promise<number>
}

export type TenantCall = {
  remote: Remote
  io: Output
  stop: AbortSignal
  /** What was typed after the command, without options; as many as `words` names. */
  args: string[]
  options: Record<string, string | boolean | undefined>
}

/** A tenant as the API tells it. */
export type ToldTenant = {
  id: string
  subdomain: string
  url: string
  status: string
  plan: string
  plan_id: string
  release: string
  wanted_release: string | null
  tags: string[]
  owner_email: string
  created_at: number
  status_reason: string | null
  start_obstacle: string | null
  suspended_for: string | null
  suspended_at: number | null
  delete_at: number | null
  server: { name: string; server_type: string | null; location: string | null; ipv4: string | null } | null
  run: { id: string; kind: string; status: string; direction: string; reason: string | null } | null
}

const EVERY = { json: { type: 'boolean' }, wait: { type: 'boolean' }, yes: { type: 'string' } } as const

/** Reads what was typed after a sub-command. Throws `invalid` with its usage. */
export function readTenantArgs(name: string, command: TenantCommand, args: string[]) {
  const usage = `Usage: atlas tenants ${name} ${command.words}`.trimEnd()
  try {
    const options = { ...EVERY, ...command.options }
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const wanted = command.words
      .replace(/ ?\[.*/, '')
      .split(' ')
      .filter(Boolean).length
    if (positionals.length !== wanted) throw new TypeError('')
    return { args: positionals, options: values as TenantCall['options'] }
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown
    throw invalid([thrown.message, usage].filter(Boolean).join('\n'))
  }
}

/** The tenant with this name or id; of those that had a name one after the other, the latest. Throws `not_found`. */
export async function findTenant(remote: Remote, nameOrId: string): Promise<ToldTenant> {
  const show = (id: string) => remote.ask<ToldTenant>('GET', `/api/admin/tenant/${encodeURIComponent(id)}`)
  if (nameOrId.startsWith('ten_')) return show(nameOrId)
  // Without a status the deleted ones are left out.
  for (const status of ['', 'deleted']) {
    const named = await findListed(remote, nameOrId, status)
    if (named) return show(named.id)
  }
  throw notFound(`There is no tenant ${JSON.stringify(nameOrId)}. See \`atlas tenants list\`.`)
}

/**
 * Searches for the name. `ada` is part of many names and of addresses too, so every page is looked at; sorted by name it
 * is on the first one, as good as always. Of the deleted ones the latest comes first.
 */
async function findListed(remote: Remote, name: string, status: string): Promise<ToldTenant | undefined> {
  const order = status === 'deleted' ? { sort: 'created', dir: 'desc' } : { sort: 'subdomain', dir: 'asc' }
  for (let page = 1; ; page++) {
    const query = new URLSearchParams({ q: name, status, ...order, page: String(page) })
    const listed = await remote.ask<ListAnswer>('GET', `/api/admin/tenants?${query}`)
    const named = listed.tenants.find(({ subdomain }) => subdomain === name)
    if (named || page * listed.per_page >= listed.total) return named
  }
}

type ListAnswer = { tenants: ToldTenant[]; per_page: number; total: number }

/** Tells that a run was queued, or follows it to its end with --wait. Resolves to the exit code. */
export async function tellRun(
  { remote, io, stop, options }: TenantCall,
  { run_id: runId }: { run_id: string },
): Promise<number> {
  if (options.json) io.out(JSON.stringify({ run_id: runId }))
  if (options.wait) return followRun(remote, options.json ? { ...io, out: io.err } : io, runId, { stop })
  if (!options.json) io.out(`${runId} is queued. Follow it with --wait, or on its page.`)
  return 0
}

/**
 * Makes sure that it is this tenant that something will be lost of: its name is typed, or given with --yes. Throws
 * `conflict` when it is another, or nobody can be asked.
 */
export async function confirmLoss(
  { io, stop, options }: Pick<TenantCall, 'io' | 'options'> & { stop?: AbortSignal },
  { subdomain }: { subdomain: string },
  losses: string[],
): Promise<void> {
  for (const loss of losses) io.err(loss)
  if (options.yes === undefined && !process.stdin.isTTY) {
    throw conflict(`Say --yes ${subdomain} to make sure that this is the one.`)
  }
  const typed = options.yes ?? (await ask(`Type ${subdomain} to confirm: `, stop))
  if (typed !== subdomain) throw conflict(`That is not ${subdomain}, so nothing was done.`)
}

/** Asks a person at a terminal. */
export async function ask(question: string, signal?: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await lines.question(question, { signal })).trim()
  } finally {
    lines.close()
  }
}
