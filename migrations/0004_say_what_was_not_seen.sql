-- What a look could not list, as JSON: [{"source":"s3","error":"...","since":1}]; null when it listed everything.
ALTER TABLE reconciliations ADD COLUMN unlisted TEXT;

-- When a stored backup was taken up that an older database had forgotten: its checksum is that of what was found then.
ALTER TABLE backups ADD COLUMN adopted_at INTEGER;

-- For the look, which finds the row of a listed image, and the runs that ended lately, among hundreds of thousands.
CREATE INDEX backups_by_image ON backups (image_id) WHERE image_id IS NOT NULL;
CREATE INDEX runs_by_finish ON runs (finished_at) WHERE finished_at IS NOT NULL;
