-- Times are UTC milliseconds; money is integer minor units; other systems' ids are text.
-- STRICT tables: SQLite itself refuses text in a number's place.

CREATE TABLE installation (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  stripe_customer_id TEXT UNIQUE,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  is_operator INTEGER NOT NULL DEFAULT 0 CHECK (is_operator IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'editor', 'viewer')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (organization_id, user_id)
) STRICT;
CREATE INDEX members_by_user ON members (user_id);

-- A mirror of the blueprints' plans, so that rows of the past keep a plan that a blueprint no longer sells.
CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  blueprint TEXT NOT NULL,
  key TEXT NOT NULL,
  name TEXT NOT NULL,
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  interval TEXT NOT NULL CHECK (interval IN ('month', 'year')),
  approval TEXT NOT NULL CHECK (approval IN ('automatic', 'manual')),
  position INTEGER NOT NULL,
  retired_at INTEGER
) STRICT;

CREATE TABLE signups (
  id TEXT PRIMARY KEY,
  status TEXT NOT NULL CHECK (status IN ('pending', 'paid', 'provisioning', 'active', 'failed', 'refunded', 'expired')),
  subdomain TEXT NOT NULL,
  -- The name as a hasty eye reads it, so that look-alikes are found.
  skeleton TEXT NOT NULL,
  email TEXT NOT NULL,
  plan_id TEXT NOT NULL REFERENCES plans (id),
  organization_id TEXT REFERENCES organizations (id),
  checkout_id TEXT UNIQUE,
  checkout_url TEXT,
  checkout_expires_at INTEGER,
  checkout_attempt INTEGER NOT NULL DEFAULT 0,
  paid_at INTEGER,
  approved_at INTEGER,
  approved_by TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX signups_hold_a_name ON signups (subdomain)
  WHERE status IN ('pending', 'paid', 'provisioning', 'failed');
CREATE INDEX signups_by_skeleton ON signups (skeleton);
CREATE INDEX signups_by_status ON signups (status, created_at);
CREATE INDEX signups_by_creation ON signups (created_at);

CREATE TABLE tenants (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  signup_id TEXT REFERENCES signups (id),
  plan_id TEXT NOT NULL REFERENCES plans (id),
  blueprint TEXT NOT NULL,
  subdomain TEXT NOT NULL,
  skeleton TEXT NOT NULL,
  release TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('provisioning', 'active', 'suspended', 'failed', 'deleting', 'deleted')),
  -- Why it is not as it should be, in words; null when all is well.
  status_reason TEXT,
  -- The tenant's own data key, sealed with the master key.
  data_key BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  activated_at INTEGER,
  deleted_at INTEGER,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tenants_hold_a_name ON tenants (subdomain) WHERE status <> 'deleted';
CREATE UNIQUE INDEX tenants_one_for_a_signup ON tenants (signup_id) WHERE status <> 'deleted';
CREATE INDEX tenants_by_skeleton ON tenants (skeleton);
CREATE INDEX tenants_by_name ON tenants (subdomain, deleted_at);
CREATE INDEX tenants_by_status ON tenants (status, created_at);
CREATE INDEX tenants_by_plan ON tenants (plan_id, created_at);
CREATE INDEX tenants_by_plan_and_name ON tenants (plan_id, status, subdomain);
CREATE INDEX tenants_by_creation ON tenants (created_at);
CREATE INDEX tenants_by_organization ON tenants (organization_id);

CREATE TABLE servers (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL UNIQUE REFERENCES tenants (id),
  provider TEXT NOT NULL,
  name TEXT NOT NULL,
  external_id TEXT UNIQUE,
  server_type TEXT,
  location TEXT,
  image TEXT,
  ipv4 TEXT,
  ipv6 TEXT,
  -- The public host key that Atlas accepts, and the one it has asked the server to change to.
  host_key TEXT,
  next_host_key TEXT,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

CREATE TABLE dns_records (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  type TEXT NOT NULL CHECK (type IN ('A', 'AAAA')),
  value TEXT NOT NULL,
  ttl_seconds INTEGER NOT NULL,
  change_id TEXT,
  created_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX dns_records_live ON dns_records (name, type) WHERE deleted_at IS NULL;
CREATE INDEX dns_records_by_tenant ON dns_records (tenant_id);

CREATE TABLE secrets (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  name TEXT NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT;

CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL UNIQUE REFERENCES organizations (id),
  stripe_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  price_id TEXT NOT NULL,
  plan_id TEXT NOT NULL REFERENCES plans (id),
  current_period_end INTEGER NOT NULL,
  cancel_at_period_end INTEGER NOT NULL CHECK (cancel_at_period_end IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE payments (
  id TEXT PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  stripe_invoice_id TEXT NOT NULL UNIQUE,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('paid', 'open', 'failed')),
  paid_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX payments_by_organization ON payments (organization_id);
CREATE INDEX payments_by_time ON payments (paid_at);

CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  input TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  direction TEXT NOT NULL DEFAULT 'forward' CHECK (direction IN ('forward', 'undo')),
  step TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER NOT NULL,
  claimed_by TEXT,
  fence INTEGER NOT NULL DEFAULT 0,
  -- Why it waits or why it stopped, in words.
  reason TEXT,
  error_code TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX runs_one_live_a_tenant ON runs (tenant_id) WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX runs_due ON runs (available_at) WHERE status IN ('queued', 'waiting');
CREATE INDEX runs_claimed ON runs (claimed_by) WHERE status = 'running';
CREATE INDEX runs_by_creation ON runs (created_at);
CREATE INDEX runs_by_tenant ON runs (tenant_id, created_at);
CREATE INDEX runs_by_status ON runs (status, created_at);

CREATE TABLE steps (
  run_id TEXT NOT NULL REFERENCES runs (id),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'waiting', 'succeeded', 'failed', 'undone')),
  attempts INTEGER NOT NULL DEFAULT 0,
  output TEXT,
  reason TEXT,
  started_at INTEGER,
  finished_at INTEGER,
  PRIMARY KEY (run_id, position),
  UNIQUE (run_id, name)
) STRICT;

-- Every call that changes the outside world: its intent before, its outcome after.
CREATE TABLE effects (
  id TEXT PRIMARY KEY,
  run_id TEXT REFERENCES runs (id),
  step TEXT,
  subject TEXT NOT NULL,
  provider TEXT NOT NULL,
  verb TEXT NOT NULL,
  key TEXT NOT NULL,
  summary TEXT NOT NULL,
  -- intended: sent or about to be sent, outcome not known here (yet, or because of a crash).
  outcome TEXT NOT NULL CHECK (outcome IN ('intended', 'done', 'refused', 'unknown')),
  external_id TEXT,
  error TEXT,
  -- The other side's own code for what went wrong.
  vendor_code TEXT,
  requested_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX effects_by_run ON effects (run_id, requested_at);
CREATE INDEX effects_by_subject ON effects (subject, requested_at);
CREATE INDEX effects_intended ON effects (outcome) WHERE outcome = 'intended';

CREATE TABLE run_logs (
  run_id TEXT NOT NULL REFERENCES runs (id),
  position INTEGER NOT NULL,
  at INTEGER NOT NULL,
  step TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
  source TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  object_id TEXT,
  status TEXT NOT NULL CHECK (status IN ('received', 'processed', 'ignored', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER NOT NULL,
  reason TEXT,
  occurred_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  processed_at INTEGER,
  PRIMARY KEY (source, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_due ON inbox (available_at) WHERE status = 'received';

CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  recipient TEXT NOT NULL,
  -- The whole mail, sealed, because some mails carry a sign-in link; null once it is sent.
  sealed BLOB,
  idempotency_key TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('queued', 'sent', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER NOT NULL,
  external_id TEXT,
  reason TEXT,
  created_at INTEGER NOT NULL,
  sent_at INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (available_at) WHERE status = 'queued';

CREATE TABLE audit_events (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  ip TEXT
) STRICT;
CREATE INDEX audit_events_by_time ON audit_events (at);
CREATE INDEX audit_events_by_subject ON audit_events (subject, at);

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  ip TEXT,
  user_agent TEXT,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE login_links (
  token_hash TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  browser_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_links_by_email ON login_links (email);
CREATE INDEX login_links_by_expiry ON login_links (expires_at);

CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE TABLE rate_limits (
  key TEXT PRIMARY KEY,
  count INTEGER NOT NULL,
  resets_at INTEGER NOT NULL
) STRICT;
CREATE INDEX rate_limits_by_reset ON rate_limits (resets_at);

CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;

-- The transitions that src/signups/status.ts and src/tenants/status.ts allow; a test holds both equal.
CREATE TRIGGER signups_transition BEFORE UPDATE OF status ON signups
WHEN OLD.status <> NEW.status AND (OLD.status || '>' || NEW.status) NOT IN (
  'pending>paid', 'pending>expired', 'paid>provisioning', 'paid>refunded', 'provisioning>active',
  'provisioning>failed', 'failed>provisioning', 'failed>paid', 'failed>refunded'
)
BEGIN SELECT RAISE(ABORT, 'transition not allowed'); END;

CREATE TRIGGER tenants_transition BEFORE UPDATE OF status ON tenants
WHEN OLD.status <> NEW.status AND (OLD.status || '>' || NEW.status) NOT IN (
  'provisioning>active', 'provisioning>failed', 'failed>provisioning', 'failed>deleting', 'active>suspended',
  'suspended>active', 'active>deleting', 'suspended>deleting', 'deleting>deleted'
)
BEGIN SELECT RAISE(ABORT, 'transition not allowed'); END;
