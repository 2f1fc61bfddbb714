import type { BackupKeyProps } from '../../views/admin/backup-key'
import type { BackupView } from '../../views/admin/backup-table'
import type { BackupsProps, TenantBackupsView } from '../../views/admin/backups'
import type { MoveProps } from '../../views/admin/move'
import type { RestorationProps } from '../../views/admin/restoration'
import type { SecretRotationProps } from '../../views/admin/secret-rotation'

const NOW = Date.UTC(2026, 10, 22, 12)
const HOUR = 3_600_000
const DAY = 24 * HOUR
const operator = { email: 'founder@virtues.example', shopName: 'Virtues' }
const tenant = { id: 'ten_03', subdomain: 'linus', status: 'active', release: 'v42' } as const

const backup = (over: Partial<BackupView>): BackupView => ({
  id: 'bak_01',
  tenantId: tenant.id,
  runId: 'run_07',
  method: 'app',
  reason: 'scheduled',
  status: 'complete',
  release: 'v42',
  sizeBytes: 12_345_678,
  error: null,
  createdAt: NOW - 5 * HOUR,
  expiresAt: NOW + 6 * DAY,
  removedAt: null,
  adoptedAt: null,
  obstacle: null,
  ...over,
})

const rows = [
  backup({ status: 'running', sizeBytes: null, reason: 'by_hand', createdAt: NOW - 20_000, expiresAt: null }),
  backup({ id: 'bak_02' }),
  backup({ id: 'bak_05', adoptedAt: NOW - 2 * HOUR }),
  backup({
    id: 'bak_03',
    status: 'failed',
    sizeBytes: null,
    error: 'The server says: The backup could not be uploaded.',
    createdAt: NOW - 29 * HOUR,
  }),
  backup({
    id: 'bak_04',
    method: 'image',
    reason: 'before_deletion',
    sizeBytes: 1_130_000_000,
    release: 'v41',
  }),
  backup({ id: 'bak_05', status: 'removed', removedAt: NOW - DAY, createdAt: NOW - 9 * DAY, runId: null }),
]

export const tenantBackups: TenantBackupsView = {
  plan: { everyHours: 12, retentionDays: 30, imagesEveryDays: 7, cloud: true },
  kept: { count: 12, bytes: 148_000_000 },
  latest: { createdAt: NOW - 5 * HOUR, sizeBytes: 12_345_678 },
  missing: { app: null, image: null },
  overdue: null,
  rows,
  total: 14,
}

export const noBackups: TenantBackupsView = {
  plan: { everyHours: 24, retentionDays: 7, imagesEveryDays: 0, cloud: false },
  kept: { count: 0, bytes: 0 },
  latest: null,
  overdue: 'No storage for backups is configured.',
  missing: {
    app: 'No storage for backups is configured. Set the variables that begin with BACKUP_S3_.',
    image: null,
  },
  rows: [],
  total: 0,
}

export const backups: BackupsProps = {
  operator,
  tenant,
  isBusy: false,
  filter: { q: '', method: '', status: '', sort: 'made', dir: 'desc' },
  backups: rows,
  page: { number: 1, size: 50, total: 120 },
  now: NOW,
}

export const restoration: RestorationProps = {
  operator,
  tenant,
  backup: backup({ release: 'v41' }),
  keptDays: 7,
  now: NOW,
}

export const restorationUnverified: RestorationProps = {
  ...restoration,
  backup: backup({ adoptedAt: NOW - 2 * HOUR }),
  unverifiedError: 'Say that you take it all the same, or choose another backup.',
}

export const move: MoveProps = {
  isUnverified: false,
  operator,
  tenant,
  from: { name: 'linus-abc123', serverType: 'cx33', location: 'nbg1' },
  to: { serverType: 'cx33', location: 'nbg1' },
  plan: {
    id: 'virtues/starter',
    name: 'Starter',
    price: { amount: 2900, currency: 'usd' },
    interval: 'month',
  },
  isOtherPlan: false,
  others: [{ id: 'virtues/pro', name: 'Pro' }],
  answers: true,
  backup: { id: 'bak_02', createdAt: NOW - 5 * HOUR, sizeBytes: 12_345_678 },
  isChosen: false,
  minutes: 3,
  now: NOW,
}

export const secretRotation: SecretRotationProps = {
  operator,
  tenant,
  changing: ['SESSION_SECRET', 'DATABASE_PASSWORD'],
  staying: ['OWNER_PASSWORD'],
}

export const backupKey: BackupKeyProps = { operator, tenant, hasKey: true }
