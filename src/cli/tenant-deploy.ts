import { durationWords } from '../../views/components/time'
import { invalid } from '../errors'
import { findTenant, type TenantCall, type TenantCommand, tellRun } from './tenant-command'

/** `atlas tenants deploy NAME TAG`: a release for one tenant. With --dry-run 1 when the same without it would be refused. */
export const DEPLOY_COMMAND: TenantCommand = {
  words: 'NAME TAG [--migration KIND] [--notes TEXT] [--backup|--no-backup] [--no-way-back] [--dry-run]',
  about: 'bring it, and nobody else, to a release',
  options: {
    migration: { type: 'string' },
    notes: { type: 'string' },
    backup: { type: 'boolean' },
    'no-backup': { type: 'boolean' },
    'no-way-back': { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  },
  run: deploy,
}

async function deploy(call: TenantCall): Promise<number> {
  const { remote, args, options } = call
  const [name = '', tag = ''] = args
  const { backup = false, 'no-backup': noBackup = false, migration, notes } = options
  if (backup && noBackup) throw invalid('--backup and --no-backup can’t both be meant.')
  const { id } = await findTenant(remote, name)
  const asked = {
    ...{ tag, migration, notes },
    ...((backup || noBackup) && { backup }),
    accepts_no_way_back: options['no-way-back'] ?? false,
  }
  if (options['dry-run'])
    return tellPlan(call, await remote.ask('POST', `/api/admin/tenant/${id}/deployment/plan`, asked))
  return tellRun(call, await remote.ask('POST', `/api/admin/tenant/${id}/deployment`, asked))
}

type ToldPlan = {
  release: { tag: string; images: { image: string; digest: string }[] }
  way: 'forward' | 'back'
  can_go_back: boolean
  backup: boolean
  takes_ms: number
  obstacles: string[]
}

/** What a deploy would do; 1 when it would be refused. */
function tellPlan({ io, options }: TenantCall, plan: ToldPlan): number {
  const { release, way, obstacles, takes_ms: takesMs } = plan
  if (options.json) io.out(JSON.stringify(plan))
  else {
    for (const { image, digest } of release.images) io.out(`${image}@${digest}`)
    if (way === 'back') io.err('It is older than what runs: nothing is migrated.')
    if (plan.backup) io.err('It is backed up first.')
    if (!plan.can_go_back)
      io.err(`There is no way back from ${release.tag}: it starts only with --no-way-back.`)
    io.err(`It takes about ${durationWords(takesMs)}.`)
    for (const obstacle of obstacles) io.err(`It can’t be started: ${obstacle}`)
  }
  return obstacles.length === 0 ? 0 : 1
}
