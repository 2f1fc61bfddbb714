-- The overview asks for failed events whenever something changes, and there are hundreds of thousands of the others.
CREATE INDEX inbox_failed ON inbox (received_at) WHERE status = 'failed';
