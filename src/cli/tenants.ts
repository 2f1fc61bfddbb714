import type { Environment } from '../config'
import { AtlasError } from '../errors'
import type { Output } from './output'
import { withRemote } from './remote'
import { printFacts, printTable, timeText } from './table'
import { BACKUP_COMMANDS } from './tenant-backups'
import {
  findTenant,
  readTenantArgs,
  type TenantCall,
  type TenantCommand,
  type ToldTenant,
} from './tenant-command'
import { LIFECYCLE_COMMANDS } from './tenant-lifecycle'
import { TIMELINE_COMMANDS } from './tenant-timeline'

/** Every sub-command by its name. */
const TENANT_COMMANDS: Record<string, TenantCommand> = {
  list: {
    words: '[--q TEXT] [--status STATUS] [--plan ID] [--page N]',
    about: 'list tenants',
    options: {
      q: { type: 'string' },
      status: { type: 'string' },
      plan: { type: 'string' },
      page: { type: 'string' },
    },
    run: list,
  },
  show: { words: 'NAME', about: 'show one, by its name or id', run: show },
  ...LIFECYCLE_COMMANDS,
  ...BACKUP_COMMANDS,
  ...TIMELINE_COMMANDS,
}

/**
 * `atlas tenants COMMAND`, for the Atlas that ATLAS_URL names or the one on this machine. 1 when it is refused or
 * goes wrong, 2 when called wrongly.
 */
export async function tenants(
  [name = '', ...args]: string[],
  io: Output,
  env: Environment,
  stop: AbortSignal,
): Promise<number> {
  const command = Object.hasOwn(TENANT_COMMANDS, name) ? TENANT_COMMANDS[name] : undefined
  if (!command) {
    for (const line of tenantsUsage()) io.err(line)
    return 2
  }
  try {
    const typed = readTenantArgs(name, command, args)
    return await withRemote(env, io, stop, (remote) => command.run({ remote, io, stop, ...typed }))
  } catch (thrown) {
    if (!(thrown instanceof AtlasError)) throw thrown
    io.err(thrown.message)
    return 2
  }
}

/** A line a sub-command. */
function tenantsUsage(): string[] {
  const commands = Object.entries(TENANT_COMMANDS).map(
    ([name, { words, about }]) => [`  ${name} ${words}`, about] as const,
  )
  const width = Math.max(...commands.map(([left]) => left.length))
  return [
    'Usage: atlas tenants COMMAND [--json] [--wait] [--yes NAME]',
    ...commands.map(([left, about]) => `${left.padEnd(width)}  ${about}`),
  ]
}

async function list({ remote, io, options }: TenantCall): Promise<number> {
  const { q, status, plan, page } = options
  const asked = Object.entries({ q, status, plan, page }).filter(([, value]) => value !== undefined)
  const query = new URLSearchParams(asked.map(([name, value]): [string, string] => [name, String(value)]))
  const found = await remote.ask<Listed>('GET', `/api/admin/tenants?${query}`)
  if (options.json) {
    io.out(JSON.stringify(found))
    return 0
  }
  const rows = found.tenants.map((row) => [
    row.subdomain,
    row.status,
    row.plan,
    row.release,
    row.owner_email,
    timeText(row.created_at),
  ])
  if (rows.length > 0) printTable(io, ['NAME', 'STATUS', 'PLAN', 'RELEASE', 'OWNER', 'CREATED'], rows)
  const pages = Math.max(1, Math.ceil(found.total / found.per_page))
  io.err(`${found.total} ${found.total === 1 ? 'tenant' : 'tenants'}, page ${found.page} of ${pages}`)
  return 0
}

async function show({ remote, io, args, options }: TenantCall): Promise<number> {
  const tenant = await findTenant(remote, args[0] ?? '')
  if (options.json) {
    io.out(JSON.stringify(tenant))
    return 0
  }
  const { server, run } = tenant
  printFacts(io, [
    ['name', tenant.subdomain],
    ['id', tenant.id],
    ['address', tenant.url],
    ['status', tenant.status],
    ['reason', tenant.status_reason],
    ['can’t start', tenant.start_obstacle],
    ['suspended', tenant.suspended_for && `${timeText(tenant.suspended_at)} (${tenant.suspended_for})`],
    ['to be deleted', timeText(tenant.delete_at)],
    ['plan', `${tenant.plan} (${tenant.plan_id})`],
    ['release', tenant.release + (tenant.wanted_release ? ` (should run ${tenant.wanted_release})` : '')],
    ['tags', tenant.tags.join(', ')],
    ['owner', tenant.owner_email],
    [
      'server',
      server && [server.name, server.server_type, server.location, server.ipv4].filter(Boolean).join(', '),
    ],
    ['last run', run && `${run.kind}, ${run.status} (${run.id})`],
    ['created', timeText(tenant.created_at)],
  ])
  return 0
}

type Listed = { tenants: ToldTenant[]; page: number; per_page: number; total: number }
