-- When somebody said that a mail which failed needs nothing more: it has arrived, or need not.
ALTER TABLE outbox ADD COLUMN dismissed_at INTEGER;
