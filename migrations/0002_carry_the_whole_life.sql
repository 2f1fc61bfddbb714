-- A tenant's whole life: suspension, change of plan, backups, a move to another server, deletion with a cool-off,
-- and what is seen of it from outside: health, drift, quotas.

ALTER TABLE tenants ADD COLUMN suspended_for TEXT CHECK (suspended_for IN ('operator', 'unpaid', 'canceled'));
ALTER TABLE tenants ADD COLUMN suspended_at INTEGER;
-- When the cool-off of its deletion ends: until then it can be brought back.
ALTER TABLE tenants ADD COLUMN delete_at INTEGER;
-- Since when the operator knows that it has no fresh backup.
ALTER TABLE tenants ADD COLUMN backup_overdue_since INTEGER;
CREATE INDEX tenants_by_overdue_backup ON tenants (backup_overdue_since) WHERE backup_overdue_since IS NOT NULL;

DROP TRIGGER tenants_transition;
CREATE TRIGGER tenants_transition BEFORE UPDATE OF status ON tenants
WHEN OLD.status <> NEW.status AND (OLD.status || '>' || NEW.status) NOT IN (
  'provisioning>active', 'provisioning>failed', 'provisioning>deleting', 'failed>provisioning', 'failed>deleting',
  'active>suspended', 'active>deleting', 'suspended>active', 'suspended>deleting', 'deleting>deleted',
  'deleting>active', 'deleting>suspended'
)
BEGIN SELECT RAISE(ABORT, 'transition not allowed'); END;

-- While a tenant moves it has two servers. SQLite can't drop a UNIQUE, so the table is made anew; nothing refers to it.
CREATE TABLE servers_of_many (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  -- next: being made to take the current one's place; former: on its way out, or gone.
  role TEXT NOT NULL DEFAULT 'current' CHECK (role IN ('current', 'next', 'former')),
  provider TEXT NOT NULL,
  name TEXT NOT NULL,
  external_id TEXT UNIQUE,
  server_type TEXT,
  location TEXT,
  image TEXT,
  ipv4 TEXT,
  ipv6 TEXT,
  -- The ids of the addresses themselves, which the cloud may keep when the server is gone.
  ipv4_id TEXT,
  ipv6_id TEXT,
  disk_gb INTEGER,
  -- The public host key that Atlas accepts, and the one it has asked the server to change to.
  host_key TEXT,
  next_host_key TEXT,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;
INSERT INTO servers_of_many (
  id, tenant_id, provider, name, external_id, server_type, location, image, ipv4, ipv6, host_key, next_host_key,
  created_at, deleted_at
) SELECT
  id, tenant_id, provider, name, external_id, server_type, location, image, ipv4, ipv6, host_key, next_host_key,
  created_at, deleted_at
FROM servers;
DROP TABLE servers;
ALTER TABLE servers_of_many RENAME TO servers;
CREATE UNIQUE INDEX servers_one_current ON servers (tenant_id) WHERE role = 'current';
CREATE UNIQUE INDEX servers_one_next ON servers (tenant_id) WHERE role = 'next';
CREATE INDEX servers_by_tenant ON servers (tenant_id, created_at);

-- A secret's next value while it is rotated: the old one stays until the app runs with the new one.
ALTER TABLE secrets ADD COLUMN next_sealed BLOB;

-- Somebody wants a live run taken back: the engine turns it round before its next step.
ALTER TABLE runs ADD COLUMN cancel_requested_at INTEGER;
CREATE INDEX runs_by_kind ON runs (kind, created_at);
CREATE INDEX runs_by_ending ON runs (tenant_id, finished_at) WHERE finished_at IS NOT NULL;

ALTER TABLE subscriptions ADD COLUMN amount INTEGER;
ALTER TABLE subscriptions ADD COLUMN currency TEXT;
ALTER TABLE subscriptions ADD COLUMN interval TEXT;
-- Since when its latest invoice waits to be paid.
ALTER TABLE subscriptions ADD COLUMN unpaid_since INTEGER;
ALTER TABLE subscriptions ADD COLUMN canceled_at INTEGER;
CREATE INDEX subscriptions_by_unpaid ON subscriptions (unpaid_since) WHERE unpaid_since IS NOT NULL;

-- The organization or signup that an event was found to be about.
ALTER TABLE inbox ADD COLUMN subject TEXT;
CREATE INDEX inbox_by_subject ON inbox (subject, received_at) WHERE subject IS NOT NULL;
CREATE INDEX outbox_by_subject ON outbox (subject, created_at);

-- When an unpaid signup's checkout was last looked at, so that each gets its turn.
ALTER TABLE signups ADD COLUMN looked_at INTEGER;

CREATE TABLE backups (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  run_id TEXT REFERENCES runs (id),
  -- The server that it is of: an image goes back to no other.
  server_id TEXT,
  -- app: dumps and volumes, encrypted, in our storage; image: a snapshot of the server's disk at the cloud.
  method TEXT NOT NULL CHECK (method IN ('app', 'image')),
  reason TEXT NOT NULL CHECK (reason IN ('scheduled', 'by_hand', 'before_deletion', 'before_move', 'before_restore')),
  status TEXT NOT NULL CHECK (status IN ('running', 'complete', 'failed', 'removed')),
  -- Where it is: the object's key, or the image's id.
  object_key TEXT,
  image_id TEXT,
  -- The host key on an image's disk, which the server shows when it gets that disk back.
  host_key TEXT,
  release TEXT,
  size_bytes INTEGER,
  sha256 TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  completed_at INTEGER,
  expires_at INTEGER,
  removed_at INTEGER
) STRICT;
CREATE INDEX backups_by_tenant ON backups (tenant_id, created_at);
CREATE INDEX backups_by_method ON backups (tenant_id, method, created_at);
-- A failed one may have left a part of itself behind.
CREATE INDEX backups_due_for_removal ON backups (expires_at) WHERE status IN ('complete', 'failed');
CREATE INDEX backups_by_run ON backups (run_id);
CREATE INDEX backups_at_work ON backups (created_at) WHERE status = 'running';

CREATE TABLE health_checks (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
  state TEXT NOT NULL CHECK (state IN ('unknown', 'healthy', 'failing', 'unhealthy')),
  -- Failures in a row.
  failures INTEGER NOT NULL DEFAULT 0,
  status INTEGER,
  reason TEXT,
  took_ms INTEGER,
  due_at INTEGER NOT NULL,
  checked_at INTEGER,
  changed_at INTEGER
) STRICT;
CREATE INDEX health_checks_due ON health_checks (due_at);
CREATE INDEX health_checks_by_state ON health_checks (state, changed_at);

-- From the failure that was the second in a row to the next good answer.
CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  -- The first incident of an outage that hit many tenants: one mail told of them all.
  outage TEXT,
  reason TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX incidents_one_open ON incidents (tenant_id) WHERE ended_at IS NULL;
CREATE INDEX incidents_by_tenant ON incidents (tenant_id, started_at);
CREATE INDEX incidents_by_ending ON incidents (tenant_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX incidents_by_outage ON incidents (outage, ended_at) WHERE outage IS NOT NULL;
CREATE INDEX incidents_by_time ON incidents (started_at);

CREATE TABLE reconciliations (
  id TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  status TEXT NOT NULL CHECK (status IN ('running', 'complete', 'failed')),
  -- How many of each thing were looked at, as JSON.
  looked_at TEXT,
  error TEXT
) STRICT;
CREATE INDEX reconciliations_by_time ON reconciliations (started_at);

-- What the clouds hold and our rows do not, or the other way round.
CREATE TABLE findings (
  id TEXT PRIMARY KEY,
  -- Says which difference it is, so that the same one seen again is the same finding.
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  tenant_id TEXT REFERENCES tenants (id),
  -- The other system's id of what it is about.
  external_id TEXT,
  facts TEXT NOT NULL,
  -- What Atlas can do about it; null when it is for a person.
  remedy TEXT,
  monthly_amount INTEGER,
  currency TEXT,
  status TEXT NOT NULL CHECK (status IN ('open', 'ignored', 'resolved')),
  sightings INTEGER NOT NULL DEFAULT 1,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  -- What went wrong when it was last acted on.
  error TEXT,
  resolved_at INTEGER,
  resolved_by TEXT
) STRICT;
CREATE UNIQUE INDEX findings_one_a_difference ON findings (key) WHERE status <> 'resolved';
CREATE INDEX findings_by_status ON findings (status, first_seen_at);
CREATE INDEX findings_by_tenant ON findings (tenant_id, first_seen_at);
CREATE INDEX findings_by_ending ON findings (tenant_id, resolved_at) WHERE resolved_at IS NOT NULL;

CREATE TABLE quotas (
  name TEXT PRIMARY KEY CHECK (name IN ('servers', 'addresses', 'records')),
  used INTEGER NOT NULL,
  -- Null while nobody has said how many there may be.
  capacity INTEGER,
  checked_at INTEGER NOT NULL,
  -- When the operator was last told that it is nearly used up; null when it is not.
  warned_at INTEGER,
  -- When the cloud itself last refused for it.
  refused_at INTEGER
) STRICT;
