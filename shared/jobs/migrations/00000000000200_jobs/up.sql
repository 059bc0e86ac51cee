-- What a committed transaction promised to do next. Read before a tenant is known, so it has no tenant_id and holds
-- no business rows: each job is worked inside its tenant's own transaction.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    for_tenant uuid,
    payload jsonb NOT NULL,
    -- At most one waiting job per name and key. Null: as many as are enqueued.
    key text,
    run_at timestamptz NOT NULL,
    -- Set for schedules: after a run the row stays and waits this long.
    repeat_seconds bigint CHECK (repeat_seconds > 0),
    attempts integer NOT NULL DEFAULT 0,
    -- While a worker holds it. A worker that died lets it lapse.
    locked_until timestamptz,
    -- Given up, kept for the operator.
    dead_at timestamptz,
    last_error text,
    traceparent text,
    created_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX jobs_one_per_key ON jobs (name, key) WHERE dead_at IS NULL;
CREATE INDEX jobs_due ON jobs (run_at) WHERE dead_at IS NULL;
