-- What was answered to a request that may come again. No business row: the answer is kept for the caller alone.
CREATE TABLE idempotency_keys (
    for_tenant uuid NOT NULL,
    -- Who asked: a user id, or a service by name. One caller's key means nothing to another.
    caller text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    -- Both null while the operation is still running.
    status integer,
    response jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (for_tenant, caller, operation, key),
    CHECK ((status IS NULL) = (response IS NULL))
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
