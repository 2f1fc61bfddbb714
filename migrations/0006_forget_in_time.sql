-- What the nightly sweep asks: which rows of a sort are the oldest.
CREATE INDEX backups_by_removal ON backups (removed_at) WHERE status = 'removed';
CREATE INDEX inbox_settled ON inbox (received_at) WHERE status IN ('processed', 'ignored');
CREATE INDEX outbox_sent ON outbox (sent_at) WHERE status = 'sent';
CREATE INDEX outbox_failed ON outbox (created_at) WHERE status = 'failed';
CREATE INDEX findings_resolved ON findings (resolved_at) WHERE status = 'resolved';
CREATE INDEX incidents_ended ON incidents (ended_at) WHERE ended_at IS NOT NULL;

-- SQLite looks for those who refer to a row that is deleted; without an index it reads all of them.
CREATE INDEX rollout_targets_by_run ON rollout_targets (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX tenants_by_signup ON tenants (signup_id) WHERE signup_id IS NOT NULL;
