-- What has become of a rollout's targets, so that a list of rollouts need not count half a million of them.
ALTER TABLE rollouts ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
-- Those that have nothing more to come while it goes forward, and those that ever failed.
ALTER TABLE rollouts ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollouts ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;

UPDATE rollouts SET (total, settled, failed) = (
  SELECT count(*), count(*) FILTER (WHERE state NOT IN ('waiting', 'deploying', 'going_back')), count(failed_part)
  FROM rollout_targets WHERE rollout_id = rollouts.id
);

CREATE TRIGGER rollout_targets_joined AFTER INSERT ON rollout_targets
BEGIN
  UPDATE rollouts SET
    total = total + 1,
    settled = settled + (NEW.state NOT IN ('waiting', 'deploying', 'going_back')),
    failed = failed + (NEW.failed_part IS NOT NULL)
  WHERE id = NEW.rollout_id;
END;

CREATE TRIGGER rollout_targets_changed AFTER UPDATE OF state, failed_part ON rollout_targets
BEGIN
  UPDATE rollouts SET
    settled = settled + (NEW.state NOT IN ('waiting', 'deploying', 'going_back'))
      - (OLD.state NOT IN ('waiting', 'deploying', 'going_back')),
    failed = failed + (NEW.failed_part IS NOT NULL) - (OLD.failed_part IS NOT NULL)
  WHERE id = NEW.rollout_id;
END;
