-- Releases, what each tenant runs of them, and rollouts to the whole fleet.

CREATE TABLE releases (
  id TEXT PRIMARY KEY,
  blueprint TEXT NOT NULL,
  tag TEXT NOT NULL,
  notes TEXT NOT NULL,
  -- Whether the former release runs on what this one's migration leaves: contract says no.
  migration TEXT NOT NULL CHECK (migration IN ('none', 'reversible', 'expand', 'contract')),
  -- Whether each tenant is copied before it gets this release.
  backup INTEGER NOT NULL CHECK (backup IN (0, 1)),
  -- Which image at which digest, as JSON: [{"image":"ghcr.io/owner/app:v43","digest":"sha256:..."}].
  images TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX releases_by_tag ON releases (blueprint, tag);
CREATE INDEX releases_by_time ON releases (blueprint, created_at);

-- The release it runs, since when, and the one it should run: they differ while it is behind.
ALTER TABLE tenants ADD COLUMN release_id TEXT REFERENCES releases (id);
ALTER TABLE tenants ADD COLUMN release_since INTEGER;
ALTER TABLE tenants ADD COLUMN wanted_release_id TEXT REFERENCES releases (id);
CREATE INDEX tenants_behind ON tenants (wanted_release_id, release_id) WHERE wanted_release_id IS NOT NULL;

-- Words by which the operator groups tenants: who gets new releases first, say.
CREATE TABLE tenant_tags (
  tag TEXT NOT NULL,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  PRIMARY KEY (tag, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_tags_by_tenant ON tenant_tags (tenant_id);

-- A backup may be made before a deploy: SQLite changes a CHECK by copying the table.
CREATE TABLE backups_new (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  run_id TEXT REFERENCES runs (id),
  -- The server that it is of: an image goes back to no other.
  server_id TEXT,
  -- app: dumps and volumes, encrypted, in our storage; image: a snapshot of the server's disk at the cloud.
  method TEXT NOT NULL CHECK (method IN ('app', 'image')),
  reason TEXT NOT NULL CHECK (reason IN ('scheduled', 'by_hand', 'before_deletion', 'before_move', 'before_restore', 'before_deploy')),
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
INSERT INTO backups_new SELECT id, tenant_id, run_id, server_id, method, reason, status, object_key, image_id, host_key,
  release, size_bytes, sha256, error, created_at, completed_at, expires_at, removed_at FROM backups;
DROP TABLE backups;
ALTER TABLE backups_new RENAME TO backups;
CREATE INDEX backups_by_tenant ON backups (tenant_id, created_at);
CREATE INDEX backups_by_method ON backups (tenant_id, method, created_at);
-- A failed one may have left a part of itself behind.
CREATE INDEX backups_due_for_removal ON backups (expires_at) WHERE status IN ('complete', 'failed');
CREATE INDEX backups_by_run ON backups (run_id);
CREATE INDEX backups_at_work ON backups (created_at) WHERE status = 'running';

CREATE TABLE rollouts (
  id TEXT PRIMARY KEY,
  blueprint TEXT NOT NULL,
  release_id TEXT NOT NULL REFERENCES releases (id),
  -- running > (held) > succeeded; or going back > rolled_back; frozen: the way back failed too, a person is needed.
  status TEXT NOT NULL CHECK (status IN ('running', 'held', 'going_back', 'frozen', 'succeeded', 'stopped', 'rolled_back', 'aborted')),
  strategy TEXT NOT NULL,
  wave INTEGER NOT NULL DEFAULT 0,
  -- When the present wave was done and its bake began.
  wave_done_at INTEGER,
  -- When it turned back; held and frozen, this says which way it was going.
  went_back_at INTEGER,
  -- When it is to be decided how it goes on; null while nothing but a run's end can change that.
  due_at INTEGER,
  reason TEXT,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
-- The fleet's lock: one live rollout of a blueprint at a time.
CREATE UNIQUE INDEX rollouts_one_live ON rollouts (blueprint) WHERE status IN ('running', 'held', 'going_back', 'frozen');
CREATE INDEX rollouts_by_time ON rollouts (created_at);
CREATE INDEX rollouts_by_release ON rollouts (release_id);
CREATE INDEX rollouts_due ON rollouts (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE rollout_targets (
  rollout_id TEXT NOT NULL REFERENCES rollouts (id),
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  wave INTEGER NOT NULL,
  position INTEGER NOT NULL,
  -- set_aside: suspended, unreachable or being provisioned; brought up to date when it returns.
  state TEXT NOT NULL CHECK (state IN ('waiting', 'deploying', 'succeeded', 'failed', 'skipped', 'set_aside', 'going_back', 'back', 'stuck')),
  former_release_id TEXT REFERENCES releases (id),
  former_release TEXT NOT NULL,
  run_id TEXT REFERENCES runs (id),
  -- Which part failed (pull, migrate, switch, health, smoke, ...) and why, in words; it stays when the tenant is back.
  failed_part TEXT,
  reason TEXT,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (rollout_id, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollout_targets_by_state ON rollout_targets (rollout_id, state, position);
CREATE INDEX rollout_targets_by_count ON rollout_targets (rollout_id, state, wave, failed_part);
CREATE INDEX rollout_targets_by_tenant ON rollout_targets (tenant_id);

-- Whom or what a waiting step waits for when that is no machine: then it may take as long as it wants.
ALTER TABLE steps ADD COLUMN awaits TEXT CHECK (awaits IN ('person', 'room'));
UPDATE steps SET awaits = 'room' WHERE status IN ('running', 'waiting') AND reason LIKE 'In the queue:%';
