-- What this service tells the others. Read before a tenant is known, so it has no tenant_id and is no business table.
CREATE TABLE events (
    -- The transaction that recorded it. Readers order by it, and wait for those that may still be preceded.
    transaction bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    version integer NOT NULL,
    occurred_at timestamptz NOT NULL,
    for_tenant uuid,
    aggregate_type text NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_seq bigint NOT NULL,
    actor jsonb NOT NULL,
    traceparent text,
    data jsonb NOT NULL,
    -- Apart, so that erasure nulls it in place.
    personal jsonb,
    PRIMARY KEY (transaction, number),
    UNIQUE (aggregate_type, aggregate_id, aggregate_seq)
);

-- The last event of each aggregate: gives the next its number, and keeps transactions from telling its story backwards.
CREATE TABLE event_heads (
    aggregate_type text NOT NULL,
    aggregate_id uuid NOT NULL,
    seq bigint NOT NULL,
    transaction bigint NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- Records one event. A transaction that got its id before another one that already told about the same aggregate would
-- be read before it, though it happened after: it fails with a serialization failure and runs again under a newer id.
CREATE FUNCTION append_event(
    event_id uuid, event_type text, event_version integer, happened_at timestamptz, tenant uuid,
    about_type text, about_id uuid, by_actor jsonb, trace text, content jsonb, personal_content jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    this_transaction bigint := pg_current_xact_id()::text::bigint;
    next_seq bigint;
BEGIN
    INSERT INTO event_heads AS head (aggregate_type, aggregate_id, seq, transaction)
    VALUES (about_type, about_id, 1, this_transaction)
    ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
        SET seq = head.seq + 1, transaction = excluded.transaction
        WHERE head.transaction <= excluded.transaction
    RETURNING seq INTO next_seq;
    IF next_seq IS NULL THEN
        RAISE EXCEPTION 'a later transaction already recorded an event of this aggregate' USING ERRCODE = '40001';
    END IF;
    INSERT INTO events (transaction, id, type, version, occurred_at, for_tenant, aggregate_type, aggregate_id,
        aggregate_seq, actor, traceparent, data, personal)
    VALUES (this_transaction, event_id, event_type, event_version, happened_at, tenant, about_type, about_id,
        next_seq, by_actor, trace, content, personal_content);
    RETURN next_seq;
END $$;

-- How far this service has read the feeds of others. Moves in the transaction that applies the event.
CREATE TABLE feed_cursors (
    feed text PRIMARY KEY,
    transaction bigint NOT NULL,
    number bigint NOT NULL,
    advanced_at timestamptz NOT NULL
);

-- Events that could not be applied after bounded tries, and the later ones of the same aggregates, kept in order.
CREATE TABLE parked_events (
    feed text NOT NULL,
    transaction bigint NOT NULL,
    number bigint NOT NULL,
    aggregate_type text NOT NULL,
    aggregate_id uuid NOT NULL,
    event jsonb NOT NULL,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL,
    PRIMARY KEY (feed, transaction, number)
);

CREATE INDEX parked_events_by_aggregate ON parked_events (feed, aggregate_type, aggregate_id);
