-- What waits for receivers that strangers chose is claimed apart, so that much of it holds up nothing else.
ALTER TABLE jobs ADD COLUMN lane text NOT NULL DEFAULT 'main' CHECK (lane IN ('main', 'outbound'));

COMMENT ON COLUMN jobs.lane IS 'technical: kind of job';

CREATE INDEX jobs_due_in_lane ON jobs (lane, run_at) WHERE dead_at IS NULL;
DROP INDEX jobs_due;
