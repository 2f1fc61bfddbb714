import { confirmLoss, findTenant, type TenantCall, type TenantCommand, tellRun } from './tenant-command'
import { DEPLOY_COMMAND } from './tenant-deploy'

/** What is done to a tenant as a whole. */
export const LIFECYCLE_COMMANDS: Record<string, TenantCommand> = {
  suspend: { words: 'NAME', about: 'stop its app, keep everything', run: queue('/api/admin/suspend') },
  resume: { words: 'NAME', about: 'start a suspended one again', run: queue('/api/admin/unsuspend') },
  plan: { words: 'NAME PLAN', about: 'change its plan, such as to virtues/pro', run: changePlan },
  deploy: DEPLOY_COMMAND,
  tag: { words: 'NAME TAGS', about: 'give it these tags (beta,early) and no others; "" for none', run: tag },
  delete: {
    words: 'NAME [--cool-off-days N] [--no-image] [--confirm-many]',
    about: 'delete it after its last backup and the cool-off',
    options: {
      'cool-off-days': { type: 'string' },
      'no-image': { type: 'boolean' },
      'confirm-many': { type: 'boolean' },
    },
    run: remove,
  },
  undelete: { words: 'NAME', about: 'bring it back while its deletion can be', run: bringBack },
  retry: { words: 'NAME', about: 'go on with its failed run', run: mend('retry') },
  undo: { words: 'NAME', about: 'take its failed run back', run: undo },
  cancel: { words: 'NAME', about: 'stop its live run and take it back', run: mend('cancel') },
}

function queue(path: string): TenantCommand['run'] {
  return async (call) => {
    const { id } = await findTenant(call.remote, call.args[0] ?? '')
    return tellRun(call, await call.remote.ask('POST', path, { tenant_id: id }))
  }
}

async function changePlan(call: TenantCall): Promise<number> {
  const [name = '', plan = ''] = call.args
  const { id } = await findTenant(call.remote, name)
  const path = `/api/admin/tenant/${id}/plan`
  const queued = await call.remote.ask<{ run_id: string; downtime_minutes: number }>('POST', path, { plan })
  const minutes = queued.downtime_minutes
  call.io.err(`Visitors get no answer for about ${minutes === 1 ? 'a minute' : `${minutes} minutes`}.`)
  return tellRun(call, queued)
}

async function tag({ remote, io, args, options }: TenantCall): Promise<number> {
  const [name = '', words = ''] = args
  const { id } = await findTenant(remote, name)
  const tags = words.split(',').filter(Boolean)
  const given = await remote.ask<{ tags: string[] }>('POST', `/api/admin/tenant/${id}/tags`, { tags })
  io.out(options.json ? JSON.stringify(given) : given.tags.join('\n'))
  return 0
}

async function remove(call: TenantCall): Promise<number> {
  const { remote, io, options } = call
  const tenant = await findTenant(remote, call.args[0] ?? '')
  const days = options['cool-off-days']
  await confirmLoss(call, tenant, [
    `${tenant.url} and everything on its server will be deleted, and its subscription ends.`,
    days === '0' ? 'It can’t be brought back.' : `It can be brought back for ${days ?? 7} days.`,
  ])
  const query = new URLSearchParams({
    ...(days === undefined ? {} : { cool_off_days: String(days) }),
    ...(options['no-image'] ? { image: 'false' } : {}),
    ...(options['confirm-many'] ? { confirm_many: 'true' } : {}),
  })
  const path = `/api/admin/tenant/${tenant.id}?${query}`
  const begun = await remote.ask<{ run_id: string; delete_at: number }>('DELETE', path)
  io.err(`Its cool-off ends at ${new Date(begun.delete_at).toISOString()}.`)
  return tellRun(call, begun)
}

async function bringBack(call: TenantCall): Promise<number> {
  const { id } = await findTenant(call.remote, call.args[0] ?? '')
  return tellRun(call, await call.remote.ask('POST', `/api/admin/tenant/${id}/undeletion`))
}

async function undo(call: TenantCall): Promise<number> {
  const tenant = await findTenant(call.remote, call.args[0] ?? '')
  const path = `/api/admin/runs/${tenant.run?.id ?? 'none'}`
  const { undo_losses: losses } = await call.remote.ask<{ undo_losses: string[] }>('GET', path)
  if (losses.length > 0) await confirmLoss(call, tenant, ['It removes for good:', ...losses])
  return mend('undo')(call)
}

function mend(verb: 'retry' | 'undo' | 'cancel'): TenantCommand['run'] {
  return async (call) => {
    const { run } = await findTenant(call.remote, call.args[0] ?? '')
    return tellRun(call, await call.remote.ask('POST', `/api/admin/runs/${run?.id ?? 'none'}/${verb}`))
  }
}
