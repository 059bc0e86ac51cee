CREATE TABLE notes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    text text NOT NULL CHECK (text <> ''),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX notes_by_user ON notes (tenant_id, user_id, id);

SELECT protect_by_tenant('notes');

-- What each column is for: the register of processing is made of it, and a test asks for it.
COMMENT ON TABLE notes IS 'personal: members; notes';
COMMENT ON COLUMN notes.text IS 'personal: what the person wrote; contract; until the account is erased';
COMMENT ON COLUMN notes.user_id IS 'personal: who wrote it; contract; until the account is erased';

-- The tables of the shared crates, as this service uses them.
COMMENT ON COLUMN event_heads.aggregate_id IS 'technical: id of the thing';
COMMENT ON COLUMN event_heads.aggregate_type IS 'technical: kind of thing';
COMMENT ON COLUMN events.actor IS 'technical: ids alone';
COMMENT ON COLUMN events.aggregate_id IS 'technical: id of the thing';
COMMENT ON COLUMN events.aggregate_type IS 'technical: kind of thing';
COMMENT ON COLUMN events.data IS 'technical: ids alone';
COMMENT ON COLUMN events.personal IS 'technical: none, it tells ids alone';
COMMENT ON COLUMN events.traceparent IS 'technical: trace id';
COMMENT ON COLUMN events.type IS 'technical: kind of event';
COMMENT ON COLUMN feed_cursors.feed IS 'technical: name of a feed';
COMMENT ON COLUMN idempotency_keys.caller IS 'technical: id of the caller';
COMMENT ON COLUMN idempotency_keys.key IS 'technical: chosen by the client, random';
COMMENT ON COLUMN idempotency_keys.operation IS 'technical: name of an operation';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'technical: digest';
COMMENT ON COLUMN idempotency_keys.response IS 'technical: none, it keeps no answers';
COMMENT ON COLUMN jobs.key IS 'technical: ids alone';
COMMENT ON COLUMN jobs.last_error IS 'technical: text of an error';
COMMENT ON COLUMN jobs.name IS 'technical: kind of job';
COMMENT ON COLUMN jobs.payload IS 'technical: ids alone';
COMMENT ON COLUMN jobs.traceparent IS 'technical: trace id';
COMMENT ON COLUMN parked_events.aggregate_id IS 'technical: id of the thing';
COMMENT ON COLUMN parked_events.aggregate_type IS 'technical: kind of thing';
COMMENT ON COLUMN parked_events.event IS 'technical: ids alone, until it is applied';
COMMENT ON COLUMN parked_events.feed IS 'technical: name of a feed';
COMMENT ON COLUMN parked_events.reason IS 'technical: text of an error';
COMMENT ON COLUMN tenant_roles.name IS 'technical: name of a role';
COMMENT ON COLUMN tenant_roles.permissions IS 'technical: names of permissions';
COMMENT ON COLUMN tenants.domain IS 'technical: of a studio';
COMMENT ON COLUMN tenants.name IS 'technical: of a studio';
COMMENT ON COLUMN tenants.slug IS 'technical: of a studio';
COMMENT ON COLUMN tenants.status IS 'technical: of a studio';
COMMENT ON COLUMN tenants.time_zone IS 'technical: of a studio';
