-- A release that has changed the data for good, or may have, without the tenant having come to it: whatever is older than
-- that can't be started on the data any more. With the time before which its backups know nothing of it.
ALTER TABLE tenants ADD COLUMN no_return_release_id TEXT REFERENCES releases (id);
ALTER TABLE tenants ADD COLUMN no_return_since INTEGER;

-- Whoever stands there already: its latest run is such a deploy, the server has heard of it, and may have begun.
UPDATE tenants SET (no_return_release_id, no_return_since) = (
  SELECT passed.id, (
    SELECT min(requested_at) FROM effects WHERE run_id = latest.id AND step = 'deploy' AND verb = 'deploy'
  )
  FROM (SELECT * FROM runs WHERE tenant_id = tenants.id ORDER BY created_at DESC LIMIT 1) AS latest
  JOIN releases AS wanted ON wanted.id = latest.input ->> '$.releaseId'
  JOIN releases AS passed ON passed.blueprint = wanted.blueprint AND passed.created_at <= wanted.created_at
  LEFT JOIN releases AS former ON former.id = latest.input ->> '$.formerReleaseId'
  WHERE latest.kind = 'deploy' AND latest.status = 'failed' AND latest.input ->> '$.way' = 'forward'
    AND passed.migration = 'contract' AND passed.created_at > coalesce(former.created_at, 0)
    AND EXISTS (
      SELECT 1 FROM effects WHERE run_id = latest.id AND step = 'deploy' AND verb = 'deploy'
        AND (outcome <> 'refused' OR vendor_code LIKE 'agent%')
    )
  ORDER BY passed.created_at DESC LIMIT 1
);
