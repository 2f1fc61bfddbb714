import { sizeWords } from '../../views/components/size'
import { notFound } from '../errors'
import type { Remote } from './remote'
import { printTable, timeText } from './table'
import { confirmLoss, findTenant, type TenantCall, type TenantCommand, tellRun } from './tenant-command'

/** A backup as the API tells it. */
type ToldBackup = {
  id: string
  method: 'app' | 'image'
  reason: string
  status: string
  size_bytes: number | null
  created_at: number
  expires_at: number | null
  adopted_at: number | null
  obstacle: string | null
}

type Listed = { backups: ToldBackup[]; page: number; per_page: number; total: number }

/** Backups, the ways back to them, and new secrets. */
export const BACKUP_COMMANDS: Record<string, TenantCommand> = {
  backups: {
    words: 'NAME [--page N]',
    about: 'list its backups',
    options: { page: { type: 'string' } },
    run: list,
  },
  backup: {
    words: 'NAME [--image]',
    about: 'back its app up, or make an image of its disk',
    options: { image: { type: 'boolean' } },
    run: backUp,
  },
  restore: {
    words: 'NAME BACKUP [--accept-unverified]',
    about: 'put a backup back; `latest` is the newest',
    options: { 'accept-unverified': { type: 'boolean' } },
    run: restore,
  },
  move: {
    words: 'NAME [--backup ID] [--accept-older-backup] [--accept-unverified] [--plan ID]',
    about: 'move it to a new server, with its data as it is or a backup',
    options: {
      backup: { type: 'string' },
      'accept-older-backup': { type: 'boolean' },
      'accept-unverified': { type: 'boolean' },
      plan: { type: 'string' },
    },
    run: move,
  },
  'backup-key': {
    words: 'NAME',
    about: 'print the key that opens its backups without Atlas',
    run: printKey,
  },
  'rotate-secrets': { words: 'NAME', about: 'give its app new secrets', run: rotate },
}

async function list({ remote, io, args, options }: TenantCall): Promise<number> {
  const { id } = await findTenant(remote, args[0] ?? '')
  const query = options.page ? `?page=${encodeURIComponent(String(options.page))}` : ''
  const found = await remote.ask<Listed>('GET', `/api/admin/tenant/${id}/backups${query}`)
  if (options.json) {
    io.out(JSON.stringify(found))
    return 0
  }
  const rows = found.backups.map((row) => [
    row.id,
    timeText(row.created_at),
    row.method,
    row.adopted_at !== null && row.status === 'complete' ? 'unverified' : row.status,
    row.size_bytes === null ? '' : sizeWords(row.size_bytes),
    row.reason.replaceAll('_', ' '),
    timeText(row.expires_at),
  ])
  if (rows.length > 0) {
    printTable(io, ['BACKUP', 'MADE', 'OF', 'STATUS', 'SIZE', 'WHY', 'KEPT UNTIL'], rows)
  }
  const pages = Math.max(1, Math.ceil(found.total / found.per_page))
  io.err(`${found.total} ${found.total === 1 ? 'backup' : 'backups'}, page ${found.page} of ${pages}`)
  return 0
}

async function backUp(call: TenantCall): Promise<number> {
  const { id } = await findTenant(call.remote, call.args[0] ?? '')
  const method = call.options.image ? 'image' : 'app'
  return tellRun(call, await call.remote.ask('POST', `/api/admin/tenant/${id}/backups`, { method }))
}

async function restore(call: TenantCall): Promise<number> {
  const { remote, args, options } = call
  const tenant = await findTenant(remote, args[0] ?? '')
  const backup = await findBackup(remote, tenant.id, args[1] ?? '')
  await confirmLoss(call, tenant, [
    `Everything that was changed since the backup of ${timeText(backup.created_at)} is lost.`,
    'What is there now is backed up first.',
    ...(backup.adopted_at === null ? [] : [UNVERIFIED]),
  ])
  const path = `/api/admin/tenant/${tenant.id}/restoration`
  return tellRun(call, await remote.ask('POST', path, { backup_id: backup.id, ...acceptance(options) }))
}

const UNVERIFIED =
  'It is unverified: the database had forgotten it, and its checksum with it (--accept-unverified).'

function acceptance(options: TenantCall['options']) {
  return options['accept-unverified'] ? { accept_unverified: true } : {}
}

/** The backup with this id, or the newest that can be restored. Throws `not_found`. */
async function findBackup(remote: Remote, tenantId: string, id: string): Promise<ToldBackup> {
  const isMeant = (one: ToldBackup) => (id === 'latest' ? one.obstacle === null : one.id === id)
  let pages = 1
  for (let page = 1; page <= pages; page++) {
    const listed = await remote.ask<Listed>('GET', `/api/admin/tenant/${tenantId}/backups?page=${page}`)
    const found = listed.backups.find(isMeant)
    if (found) return found
    pages = Math.ceil(listed.total / listed.per_page)
  }
  if (id === 'latest') throw notFound('There is no backup that could be restored.')
  throw notFound(`There is no backup ${JSON.stringify(id)} of this tenant. See \`atlas tenants backups\`.`)
}

type Moving = { run_id: string; downtime_minutes: number; answers: boolean; latest_backup_at: number | null }

async function move(call: TenantCall): Promise<number> {
  const { remote, io, args, options } = call
  const tenant = await findTenant(remote, args[0] ?? '')
  const { backup, plan } = options
  await confirmLoss(call, tenant, [
    `The server ${tenant.server?.name ?? ''} is deleted once the app is healthy on a new one.`,
    ...(backup ? [`Everything that was changed since ${backup} was made is lost.`] : []),
  ])
  const accepted = options['accept-older-backup'] ? { accept_older_backup: true } : {}
  const body = {
    ...(backup ? { backup_id: backup } : {}),
    ...accepted,
    ...acceptance(options),
    ...(plan ? { plan } : {}),
  }
  const path = `/api/admin/tenant/${tenant.id}/move`
  const queued = await remote.ask<Moving>('POST', path, body)
  const minutes = queued.downtime_minutes
  io.err(`Visitors get no answer for about ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`)
  if (!queued.answers) {
    io.err(`The old server does not answer; its latest backup was made ${timeText(queued.latest_backup_at)}.`)
  }
  return tellRun(call, queued)
}

async function printKey(call: TenantCall): Promise<number> {
  const { remote, io, args, options } = call
  const tenant = await findTenant(remote, args[0] ?? '')
  await confirmLoss(call, tenant, [
    `Whoever has this key and a copy of a backup reads everything that ${tenant.subdomain} has in its app.`,
    'That you asked for it stands in its timeline.',
  ])
  const path = `/api/admin/tenant/${tenant.id}/backup-key`
  const { identity } = await remote.ask<{ identity: string }>('POST', path, {
    confirmation: tenant.subdomain,
  })
  io.out(options.json ? JSON.stringify({ identity }) : identity)
  return 0
}

async function rotate(call: TenantCall): Promise<number> {
  const { id } = await findTenant(call.remote, call.args[0] ?? '')
  return tellRun(call, await call.remote.ask('POST', `/api/admin/tenant/${id}/secret-rotation`))
}
