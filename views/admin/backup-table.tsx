import { Badge } from '../components/badge'
import { sizeWords } from '../components/size'
import { type SortedList, Table } from '../components/table'
import { Time } from '../components/time'
import type { Html } from '../jsx-runtime'

export type BackupMethod = 'app' | 'image'
export type BackupReason =
  | 'scheduled'
  | 'by_hand'
  | 'before_deletion'
  | 'before_move'
  | 'before_restore'
  | 'before_deploy'

/** One backup of a tenant; times in UTC milliseconds. */
export type BackupView = {
  id: string
  tenantId: string
  runId: string | null
  method: BackupMethod
  reason: BackupReason
  status: 'running' | 'complete' | 'failed' | 'removed'
  release: string | null
  sizeBytes: number | null
  error: string | null
  createdAt: number
  expiresAt: number | null
  removedAt: number | null
  /** When it was found in the storage after it had been forgotten: nobody can vouch for it. */
  adoptedAt: number | null
  /** Why it can't be put back on the tenant's server; null when it can. */
  obstacle: string | null
}

export const METHOD_WORDS: Record<BackupMethod, string> = { app: 'App', image: 'Image of the disk' }
export const REASON_WORDS: Record<BackupReason, string> = {
  scheduled: 'by the clock',
  by_hand: 'by hand',
  before_deletion: 'before its deletion',
  before_move: 'before a move',
  before_restore: 'before a restore',
  before_deploy: 'before a deploy',
}

type BackupTableProps = {
  backups: BackupView[]
  label: string
  /** The list that its heads sort, where there is a whole list. */
  list?: SortedList
  /** Whether the tenant is in a state in which one can be put back. */
  canRestore: boolean
  now: number
}

/** Backups as a table: when and of what, how large, until when they are kept. */
export function BackupTable({ backups, label, list, canRestore, now }: BackupTableProps): Html {
  return (
    <Table
      label={label}
      list={list}
      columns={[
        { name: 'Made', sort: 'made' },
        { name: 'Status', sort: 'status' },
        { name: 'Size', class: 'from-s number', sort: 'size' },
        { name: 'Kept until', class: 'from-s', sort: 'kept' },
        canRestore && { unseen: 'What can be done' },
      ]}
    >
      {backups.map((backup) => (
        <BackupLine backup={backup} canRestore={canRestore} now={now} />
      ))}
    </Table>
  )
}

function BackupLine(props: { backup: BackupView; canRestore: boolean; now: number }): Html {
  const { backup, canRestore, now } = props
  const { method, reason, status, sizeBytes, runId, error } = backup
  return (
    <tr>
      <td>
        {runId ? (
          <a class="row-link" href={`/admin/runs/${runId}`}>
            <Time at={backup.createdAt} now={now} />
          </a>
        ) : (
          <Time at={backup.createdAt} now={now} />
        )}
        <p class="row-note">
          {METHOD_WORDS[method]}, {REASON_WORDS[reason]}
          {sizeBytes !== null && <span class="until-s">, {sizeWords(sizeBytes)}</span>}
        </p>
        {backup.adoptedAt !== null && status === 'complete' && (
          <p class="row-note">
            Unverified: found in the storage <Time at={backup.adoptedAt} now={now} />
          </p>
        )}
        {error && status !== 'complete' && <p class="row-note">{error}</p>}
      </td>
      <td>
        <Badge status={status} />
      </td>
      <td class="from-s number nowrap">{sizeBytes === null ? '' : sizeWords(sizeBytes)}</td>
      <td class="from-s muted nowrap">
        <KeptUntil backup={backup} now={now} />
      </td>
      {canRestore && (
        <td class="number">
          {status === 'complete' && (
            <a class="button button-quiet" href={restorationOf(backup)}>
              Restore…
              <span class="visually-hidden">
                {' '}
                the backup of <Time at={backup.createdAt} now={now} />
              </span>
            </a>
          )}
        </td>
      )}
    </tr>
  )
}

/** The page that asks before a backup is put back. */
export const restorationOf = ({ tenantId, id }: Pick<BackupView, 'tenantId' | 'id'>) =>
  `/admin/tenants/${tenantId}/backups/${id}/restoration`

function KeptUntil({ backup, now }: { backup: BackupView; now: number }): Html | null {
  if (backup.removedAt !== null) {
    return (
      <>
        removed <Time at={backup.removedAt} now={now} />
      </>
    )
  }
  if (backup.expiresAt === null || backup.status === 'failed') return null
  // The newest one stays until there is a newer, however late that is.
  return backup.expiresAt > now ? <Time at={backup.expiresAt} now={now} /> : <>the next one is made</>
}
