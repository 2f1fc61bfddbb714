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
  reason TEXT,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;
-- The fleet's lock: one live rollout of a blueprint at a time.
CREATE UNIQUE INDEX rollouts_one_live ON rollouts (blueprint) WHERE status IN ('running', 'held', 'going_back', 'frozen');
CREATE INDEX rollouts_by_time ON rollouts (created_at);

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
  -- Which part failed (pull, migrate, start, health, smoke, ...) and why, in words.
  failed_part TEXT,
  reason TEXT,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (rollout_id, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollout_targets_by_state ON rollout_targets (rollout_id, state, position);
CREATE INDEX rollout_targets_by_tenant ON rollout_targets (tenant_id);
