import type { TenantStatus } from '../components/badge'
import { Empty } from '../components/empty'
import { Notice } from '../components/notice'
import { countWords, type Page, Pager } from '../components/pager'
import { sizeWords } from '../components/size'
import type { Order } from '../components/table'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'
import { AdminHeading, AdminPage, type Operator } from '../layout/admin-page'
import { type BackupMethod, BackupTable, type BackupView, METHOD_WORDS } from './backup-table'
import { ListFilter, statusOptions } from './list-filter'

/** What a tenant's page says of its backups; times in UTC milliseconds. */
export type TenantBackupsView = {
  /** What its plan promises; null for a tenant that is gone. */
  plan: { everyHours: number; retentionDays: number; imagesEveryDays: number; cloud: boolean } | null
  kept: { count: number; bytes: number }
  latest: { createdAt: number; sizeBytes: number | null } | null
  /** Why a backup of either kind can't be made; null when it can. */
  missing: Record<BackupMethod, string | null>
  /** Why it has no fresh one, when backups are overdue. */
  overdue: string | null
  /** The newest. */
  rows: BackupView[]
  total: number
}

type TenantBackupsProps = {
  tenant: { id: string; status: TenantStatus }
  /** Whether a run is at work on the tenant: nothing else can be done to it meanwhile. */
  isBusy: boolean
  backups: TenantBackupsView
  now: number
}

/** A tenant's newest backups, for its page, with their size and age, and a way to make one. */
export function TenantBackups({ tenant, isBusy, backups, now }: TenantBackupsProps): Html {
  const lives = isAlive(tenant)
  const path = `/admin/tenants/${tenant.id}/backups`
  return (
    <section class="block" aria-labelledby="backups-title">
      <div class="block-head">
        <h2 id="backups-title">Backups</h2>
        {backups.total > backups.rows.length && <a href={path}>All {backups.total}</a>}
      </div>
      <p class="muted block-lead">
        <Latest backups={backups} now={now} /> {backups.plan && planWords(backups.plan)}
      </p>
      {lives && backups.overdue && (
        <Notice tone="bad" title="Its backups are overdue">
          <p>{backups.overdue}</p>
        </Notice>
      )}
      {lives && backups.missing.app && <Notice tone="info" title={backups.missing.app} />}
      {backups.rows.length > 0 && (
        <BackupTable
          backups={backups.rows}
          label="The newest backups"
          canRestore={lives && !isBusy}
          now={now}
        />
      )}
      {lives && !isBusy && <BackUpNow path={path} missing={backups.missing} />}
    </section>
  )
}

function isAlive({ status }: { status: TenantStatus }): boolean {
  return status === 'active' || status === 'suspended'
}

function Latest({ backups, now }: { backups: TenantBackupsView; now: number }): Html {
  const { latest, kept } = backups
  if (!latest) return <>There is no backup yet.</>
  return (
    <>
      The newest was made <Time at={latest.createdAt} now={now} />
      {latest.sizeBytes !== null && ` and has ${sizeWords(latest.sizeBytes)}`}; {kept.count}{' '}
      {kept.count === 1 ? 'is' : 'are'} kept, {sizeWords(kept.bytes)} in all.
    </>
  )
}

function planWords({
  everyHours,
  retentionDays,
  imagesEveryDays,
  cloud,
}: NonNullable<TenantBackupsView['plan']>): string {
  const often =
    everyHours === 24 ? 'every day' : everyHours === 1 ? 'every hour' : `every ${everyHours} hours`
  const images = imagesEveryDays === 0 ? '' : `, an image every ${imagesEveryDays} days`
  const daily = cloud ? ', and the cloud’s own daily backups' : ''
  return `Its plan has one ${often}, kept for ${retentionDays} days${images}${daily}.`
}

function BackUpNow({ path, missing }: { path: string; missing: TenantBackupsView['missing'] }): Html {
  return (
    <form class="button-row" method="post" action={path}>
      {missing.app === null && (
        <button class="button button-quiet" type="submit" name="method" value="app">
          Back up now
        </button>
      )}
      {missing.image === null && (
        <button class="button button-quiet" type="submit" name="method" value="image">
          Make an image of the disk
        </button>
      )}
    </form>
  )
}

export type BackupsProps = {
  operator: Operator
  tenant: { id: string; subdomain: string; status: TenantStatus }
  isBusy: boolean
  backups: BackupView[]
  page: Page
  filter: { q: string; method: string; status: string } & Order
  now: number
}

const STATUSES: BackupView['status'][] = ['running', 'complete', 'failed', 'removed']

/** Every backup of a tenant, also those that failed or are no longer kept: to search, filter and sort. */
export function BackupsPage({ operator, tenant, isBusy, backups, page, filter, now }: BackupsProps): Html {
  const path = `/admin/tenants/${tenant.id}/backups`
  const title = `Backups of ${tenant.subdomain}`
  return (
    <AdminPage operator={operator} section="tenants" title={title}>
      <AdminHeading title={title} back={{ href: `/admin/tenants/${tenant.id}`, label: tenant.subdomain }} />
      <BackupFilter path={path} filter={filter} />
      <section class="block" id="backup-list" aria-labelledby="backup-count">
        <h2 class="count" id="backup-count" aria-live="polite">
          {countWords(page, 'backup', 'backups')}
        </h2>
        {backups.length > 0 ? (
          <BackupTable
            backups={backups}
            label="Backups"
            list={{ path, filter }}
            canRestore={isAlive(tenant) && !isBusy}
            now={now}
          />
        ) : (
          <NoBackups path={path} filter={filter} />
        )}
        <Pager path={path} query={filter} page={page} />
        {backups.length > 0 && (
          <p class="muted">
            To open one without Atlas you need <a href={`/admin/tenants/${tenant.id}/backup-key`}>its key</a>.
          </p>
        )}
      </section>
    </AdminPage>
  )
}

function BackupFilter({ path, filter }: Pick<BackupsProps, 'filter'> & { path: string }): Html {
  const methods = Object.entries(METHOD_WORDS).map(([value, label]) => ({ value, label }))
  const status = { name: 'status', label: 'Status', any: 'Any status', value: filter.status }
  return (
    <ListFilter
      path={path}
      target="backup-list"
      search={{ label: 'Release or id', value: filter.q }}
      choices={[
        { name: 'method', label: 'Of what', any: 'App and disk', value: filter.method, options: methods },
        { ...status, options: statusOptions(STATUSES) },
      ]}
      kept={{ sort: filter.sort, dir: filter.dir }}
    />
  )
}

function NoBackups({ path, filter }: Pick<BackupsProps, 'filter'> & { path: string }): Html {
  if (filter.q || filter.method || filter.status) {
    return (
      <Empty title="No backup matches">
        <p>
          <a href={path}>Show all backups</a>
        </p>
      </Empty>
    )
  }
  return (
    <Empty title="No backups yet">
      <p>The first one is made by the clock, or by hand on the tenant’s page.</p>
    </Empty>
  )
}
