import { blob, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

// Every table of the control database. Constraints and indexes live in migrations/*.sql; a test holds the two equal.

export const installation = sqliteTable('installation', {
  id: text('id').primaryKey(),
  createdAt: integer('created_at').notNull(),
})

export const organizations = sqliteTable('organizations', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  stripeCustomerId: text('stripe_customer_id'),
  createdAt: integer('created_at').notNull(),
})

export const users = sqliteTable('users', {
  id: text('id').primaryKey(),
  email: text('email').notNull(),
  isOperator: integer('is_operator', { mode: 'boolean' }).notNull().default(false),
  createdAt: integer('created_at').notNull(),
})

export const members = sqliteTable(
  'members',
  {
    organizationId: text('organization_id').notNull(),
    userId: text('user_id').notNull(),
    role: text('role', { enum: ['owner', 'admin', 'editor', 'viewer'] }).notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.userId] })],
)

export const plans = sqliteTable('plans', {
  id: text('id').primaryKey(),
  blueprint: text('blueprint').notNull(),
  key: text('key').notNull(),
  name: text('name').notNull(),
  amount: integer('amount').notNull(),
  currency: text('currency').notNull(),
  interval: text('interval', { enum: ['month', 'year'] }).notNull(),
  approval: text('approval', { enum: ['automatic', 'manual'] }).notNull(),
  position: integer('position').notNull(),
  retiredAt: integer('retired_at'),
})

export const signups = sqliteTable('signups', {
  id: text('id').primaryKey(),
  status: text('status', {
    enum: ['pending', 'paid', 'provisioning', 'active', 'failed', 'refunded', 'expired'],
  }).notNull(),
  subdomain: text('subdomain').notNull(),
  skeleton: text('skeleton').notNull(),
  email: text('email').notNull(),
  planId: text('plan_id').notNull(),
  organizationId: text('organization_id'),
  checkoutId: text('checkout_id'),
  checkoutUrl: text('checkout_url'),
  checkoutExpiresAt: integer('checkout_expires_at'),
  checkoutAttempt: integer('checkout_attempt').notNull().default(0),
  paidAt: integer('paid_at'),
  approvedAt: integer('approved_at'),
  approvedBy: text('approved_by'),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
  lookedAt: integer('looked_at'),
})

export const tenants = sqliteTable('tenants', {
  id: text('id').primaryKey(),
  organizationId: text('organization_id').notNull(),
  signupId: text('signup_id'),
  planId: text('plan_id').notNull(),
  blueprint: text('blueprint').notNull(),
  subdomain: text('subdomain').notNull(),
  skeleton: text('skeleton').notNull(),
  release: text('release').notNull(),
  status: text('status', {
    enum: ['provisioning', 'active', 'suspended', 'failed', 'deleting', 'deleted'],
  }).notNull(),
  statusReason: text('status_reason'),
  dataKey: blob('data_key', { mode: 'buffer' }).notNull(),
  createdAt: integer('created_at').notNull(),
  activatedAt: integer('activated_at'),
  deletedAt: integer('deleted_at'),
  updatedAt: integer('updated_at').notNull(),
  suspendedFor: text('suspended_for', { enum: ['operator', 'unpaid', 'canceled'] }),
  suspendedAt: integer('suspended_at'),
  deleteAt: integer('delete_at'),
  backupOverdueSince: integer('backup_overdue_since'),
  releaseId: text('release_id'),
  releaseSince: integer('release_since'),
  wantedReleaseId: text('wanted_release_id'),
  noReturnReleaseId: text('no_return_release_id'),
  noReturnSince: integer('no_return_since'),
})

export const servers = sqliteTable('servers', {
  id: text('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  role: text('role', { enum: ['current', 'next', 'former'] })
    .notNull()
    .default('current'),
  provider: text('provider').notNull(),
  name: text('name').notNull(),
  externalId: text('external_id'),
  serverType: text('server_type'),
  location: text('location'),
  image: text('image'),
  ipv4: text('ipv4'),
  ipv6: text('ipv6'),
  ipv4Id: text('ipv4_id'),
  ipv6Id: text('ipv6_id'),
  diskGb: integer('disk_gb'),
  hostKey: text('host_key'),
  nextHostKey: text('next_host_key'),
  createdAt: integer('created_at').notNull(),
  deletedAt: integer('deleted_at'),
})

export const dnsRecords = sqliteTable('dns_records', {
  id: text('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  name: text('name').notNull(),
  type: text('type', { enum: ['A', 'AAAA'] }).notNull(),
  value: text('value').notNull(),
  ttlSeconds: integer('ttl_seconds').notNull(),
  changeId: text('change_id'),
  createdAt: integer('created_at').notNull(),
  deletedAt: integer('deleted_at'),
})

export const secrets = sqliteTable(
  'secrets',
  {
    tenantId: text('tenant_id').notNull(),
    name: text('name').notNull(),
    sealed: blob('sealed', { mode: 'buffer' }).notNull(),
    createdAt: integer('created_at').notNull(),
    nextSealed: blob('next_sealed', { mode: 'buffer' }),
  },
  (t) => [primaryKey({ columns: [t.tenantId, t.name] })],
)

export const subscriptions = sqliteTable('subscriptions', {
  id: text('id').primaryKey(),
  organizationId: text('organization_id').notNull(),
  stripeId: text('stripe_id').notNull(),
  status: text('status').notNull(),
  priceId: text('price_id').notNull(),
  planId: text('plan_id').notNull(),
  currentPeriodEnd: integer('current_period_end').notNull(),
  cancelAtPeriodEnd: integer('cancel_at_period_end', { mode: 'boolean' }).notNull(),
  createdAt: integer('created_at').notNull(),
  updatedAt: integer('updated_at').notNull(),
  amount: integer('amount'),
  currency: text('currency'),
  interval: text('interval'),
  unpaidSince: integer('unpaid_since'),
  canceledAt: integer('canceled_at'),
})

export const payments = sqliteTable('payments', {
  id: text('id').primaryKey(),
  organizationId: text('organization_id').notNull(),
  stripeInvoiceId: text('stripe_invoice_id').notNull(),
  amount: integer('amount').notNull(),
  currency: text('currency').notNull(),
  status: text('status', { enum: ['paid', 'open', 'failed'] }).notNull(),
  paidAt: integer('paid_at'),
  createdAt: integer('created_at').notNull(),
})

export const runs = sqliteTable('runs', {
  id: text('id').primaryKey(),
  kind: text('kind').notNull(),
  tenantId: text('tenant_id').notNull(),
  input: text('input').notNull(),
  status: text('status', {
    enum: ['queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'],
  }).notNull(),
  direction: text('direction', { enum: ['forward', 'undo'] })
    .notNull()
    .default('forward'),
  step: text('step'),
  attempts: integer('attempts').notNull().default(0),
  availableAt: integer('available_at').notNull(),
  claimedBy: text('claimed_by'),
  fence: integer('fence').notNull().default(0),
  reason: text('reason'),
  errorCode: text('error_code'),
  createdAt: integer('created_at').notNull(),
  startedAt: integer('started_at'),
  finishedAt: integer('finished_at'),
  cancelRequestedAt: integer('cancel_requested_at'),
})

export const steps = sqliteTable(
  'steps',
  {
    runId: text('run_id').notNull(),
    position: integer('position').notNull(),
    name: text('name').notNull(),
    title: text('title').notNull(),
    status: text('status', {
      enum: ['pending', 'running', 'waiting', 'succeeded', 'failed', 'undone'],
    }).notNull(),
    attempts: integer('attempts').notNull().default(0),
    output: text('output'),
    reason: text('reason'),
    startedAt: integer('started_at'),
    finishedAt: integer('finished_at'),
    awaits: text('awaits', { enum: ['person', 'room'] }),
  },
  (t) => [primaryKey({ columns: [t.runId, t.position] })],
)

export const effects = sqliteTable('effects', {
  id: text('id').primaryKey(),
  runId: text('run_id'),
  step: text('step'),
  subject: text('subject').notNull(),
  provider: text('provider').notNull(),
  verb: text('verb').notNull(),
  key: text('key').notNull(),
  summary: text('summary').notNull(),
  outcome: text('outcome', { enum: ['intended', 'done', 'refused', 'unknown'] }).notNull(),
  externalId: text('external_id'),
  error: text('error'),
  vendorCode: text('vendor_code'),
  requestedAt: integer('requested_at').notNull(),
  finishedAt: integer('finished_at'),
})

export const runLogs = sqliteTable(
  'run_logs',
  {
    runId: text('run_id').notNull(),
    position: integer('position').notNull(),
    at: integer('at').notNull(),
    step: text('step').notNull(),
    line: text('line').notNull(),
  },
  (t) => [primaryKey({ columns: [t.runId, t.position] })],
)

export const inbox = sqliteTable(
  'inbox',
  {
    source: text('source').notNull(),
    eventId: text('event_id').notNull(),
    type: text('type').notNull(),
    objectId: text('object_id'),
    status: text('status', { enum: ['received', 'processed', 'ignored', 'failed'] }).notNull(),
    attempts: integer('attempts').notNull().default(0),
    availableAt: integer('available_at').notNull(),
    reason: text('reason'),
    occurredAt: integer('occurred_at').notNull(),
    receivedAt: integer('received_at').notNull(),
    processedAt: integer('processed_at'),
    subject: text('subject'),
  },
  (t) => [primaryKey({ columns: [t.source, t.eventId] })],
)

export const outbox = sqliteTable('outbox', {
  id: text('id').primaryKey(),
  kind: text('kind').notNull(),
  subject: text('subject').notNull(),
  recipient: text('recipient').notNull(),
  sealed: blob('sealed', { mode: 'buffer' }),
  idempotencyKey: text('idempotency_key').notNull(),
  status: text('status', { enum: ['queued', 'sent', 'failed'] }).notNull(),
  attempts: integer('attempts').notNull().default(0),
  availableAt: integer('available_at').notNull(),
  externalId: text('external_id'),
  reason: text('reason'),
  createdAt: integer('created_at').notNull(),
  sentAt: integer('sent_at'),
  dismissedAt: integer('dismissed_at'),
})

export const auditEvents = sqliteTable('audit_events', {
  id: text('id').primaryKey(),
  at: integer('at').notNull(),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  subject: text('subject').notNull(),
  detail: text('detail').notNull(),
  ip: text('ip'),
})

export const sessions = sqliteTable('sessions', {
  tokenHash: text('token_hash').primaryKey(),
  userId: text('user_id').notNull(),
  ip: text('ip'),
  userAgent: text('user_agent'),
  createdAt: integer('created_at').notNull(),
  seenAt: integer('seen_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
})

export const loginLinks = sqliteTable('login_links', {
  tokenHash: text('token_hash').primaryKey(),
  email: text('email').notNull(),
  browserHash: text('browser_hash').notNull(),
  createdAt: integer('created_at').notNull(),
  expiresAt: integer('expires_at').notNull(),
})

export const apiTokens = sqliteTable('api_tokens', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  tokenHash: text('token_hash').notNull(),
  createdAt: integer('created_at').notNull(),
  lastUsedAt: integer('last_used_at'),
  revokedAt: integer('revoked_at'),
})

export const rateLimits = sqliteTable('rate_limits', {
  key: text('key').primaryKey(),
  count: integer('count').notNull(),
  resetsAt: integer('resets_at').notNull(),
})

export const counters = sqliteTable('counters', {
  name: text('name').primaryKey(),
  value: integer('value').notNull(),
})

export const backups = sqliteTable('backups', {
  id: text('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  runId: text('run_id'),
  serverId: text('server_id'),
  method: text('method', { enum: ['app', 'image'] }).notNull(),
  reason: text('reason', {
    enum: ['scheduled', 'by_hand', 'before_deletion', 'before_move', 'before_restore', 'before_deploy'],
  }).notNull(),
  status: text('status', { enum: ['running', 'complete', 'failed', 'removed'] }).notNull(),
  objectKey: text('object_key'),
  imageId: text('image_id'),
  hostKey: text('host_key'),
  release: text('release'),
  sizeBytes: integer('size_bytes'),
  sha256: text('sha256'),
  error: text('error'),
  createdAt: integer('created_at').notNull(),
  completedAt: integer('completed_at'),
  expiresAt: integer('expires_at'),
  removedAt: integer('removed_at'),
  adoptedAt: integer('adopted_at'),
})

export const healthChecks = sqliteTable('health_checks', {
  tenantId: text('tenant_id').primaryKey(),
  state: text('state', { enum: ['unknown', 'healthy', 'failing', 'unhealthy'] }).notNull(),
  failures: integer('failures').notNull().default(0),
  status: integer('status'),
  reason: text('reason'),
  tookMs: integer('took_ms'),
  dueAt: integer('due_at').notNull(),
  checkedAt: integer('checked_at'),
  changedAt: integer('changed_at'),
})

export const incidents = sqliteTable('incidents', {
  id: text('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  outage: text('outage'),
  reason: text('reason').notNull(),
  startedAt: integer('started_at').notNull(),
  endedAt: integer('ended_at'),
})

export const reconciliations = sqliteTable('reconciliations', {
  id: text('id').primaryKey(),
  startedAt: integer('started_at').notNull(),
  finishedAt: integer('finished_at'),
  status: text('status', { enum: ['running', 'complete', 'failed'] }).notNull(),
  lookedAt: text('looked_at'),
  error: text('error'),
  unlisted: text('unlisted'),
})

export const findings = sqliteTable('findings', {
  id: text('id').primaryKey(),
  key: text('key').notNull(),
  kind: text('kind').notNull(),
  tenantId: text('tenant_id'),
  externalId: text('external_id'),
  facts: text('facts').notNull(),
  remedy: text('remedy'),
  monthlyAmount: integer('monthly_amount'),
  currency: text('currency'),
  status: text('status', { enum: ['open', 'ignored', 'resolved'] }).notNull(),
  sightings: integer('sightings').notNull().default(1),
  firstSeenAt: integer('first_seen_at').notNull(),
  lastSeenAt: integer('last_seen_at').notNull(),
  error: text('error'),
  resolvedAt: integer('resolved_at'),
  resolvedBy: text('resolved_by'),
})

export const quotas = sqliteTable('quotas', {
  name: text('name', { enum: ['servers', 'addresses', 'records'] }).primaryKey(),
  used: integer('used').notNull(),
  capacity: integer('capacity'),
  checkedAt: integer('checked_at').notNull(),
  warnedAt: integer('warned_at'),
  refusedAt: integer('refused_at'),
})

export const releases = sqliteTable('releases', {
  id: text('id').primaryKey(),
  blueprint: text('blueprint').notNull(),
  tag: text('tag').notNull(),
  notes: text('notes').notNull(),
  migration: text('migration', { enum: ['none', 'reversible', 'expand', 'contract'] }).notNull(),
  backup: integer('backup', { mode: 'boolean' }).notNull(),
  images: text('images').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: integer('created_at').notNull(),
})

export const tenantTags = sqliteTable(
  'tenant_tags',
  { tag: text('tag').notNull(), tenantId: text('tenant_id').notNull() },
  (t) => [primaryKey({ columns: [t.tag, t.tenantId] })],
)

export const rollouts = sqliteTable('rollouts', {
  id: text('id').primaryKey(),
  blueprint: text('blueprint').notNull(),
  releaseId: text('release_id').notNull(),
  status: text('status', {
    enum: ['running', 'held', 'going_back', 'frozen', 'succeeded', 'stopped', 'rolled_back', 'aborted'],
  }).notNull(),
  strategy: text('strategy').notNull(),
  wave: integer('wave').notNull().default(0),
  waveDoneAt: integer('wave_done_at'),
  wentBackAt: integer('went_back_at'),
  dueAt: integer('due_at'),
  reason: text('reason'),
  createdBy: text('created_by').notNull(),
  createdAt: integer('created_at').notNull(),
  finishedAt: integer('finished_at'),
  // The database counts these itself.
  total: integer('total').notNull().default(0),
  settled: integer('settled').notNull().default(0),
  failed: integer('failed').notNull().default(0),
})

export const rolloutTargets = sqliteTable(
  'rollout_targets',
  {
    rolloutId: text('rollout_id').notNull(),
    tenantId: text('tenant_id').notNull(),
    wave: integer('wave').notNull(),
    position: integer('position').notNull(),
    state: text('state', {
      enum: [
        'waiting',
        'deploying',
        'succeeded',
        'failed',
        'skipped',
        'set_aside',
        'going_back',
        'back',
        'stuck',
      ],
    }).notNull(),
    formerReleaseId: text('former_release_id'),
    formerRelease: text('former_release').notNull(),
    runId: text('run_id'),
    failedPart: text('failed_part'),
    reason: text('reason'),
    updatedAt: integer('updated_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.rolloutId, t.tenantId] })],
)
