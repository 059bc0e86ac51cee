-- Whose security timeline shows an entry. Computed by the database, so that no writer of the trail has to think of it; a
-- column rather than an expression in an index, because row-level security keeps PostgreSQL from using an index over
-- functions that are not leakproof, which those that read JSON are not. What a client does every quarter of an hour is no
-- news to its owner.
ALTER TABLE audit_events ADD COLUMN told_to uuid GENERATED ALWAYS AS (
    CASE
        WHEN action IN ('session.rotated', 'session.repeated', 'account.password_rehashed') THEN NULL
        WHEN subject_type = 'user' THEN subject_id
        WHEN subject_type = 'session' THEN coalesce(details ->> 'userId', actor ->> 'userId')::uuid
    END
) STORED;

CREATE INDEX audit_events_by_timeline ON audit_events (tenant_id, told_to, transaction, number)
    WHERE told_to IS NOT NULL;
