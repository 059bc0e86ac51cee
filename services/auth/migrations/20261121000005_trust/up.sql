-- What is taken back before its tokens expire. Every service polls it before any tenant is known, so it has no row-level
-- security; it holds ids alone. Read by transaction: numbers are not handed out in the order of commits.
CREATE TABLE revocations (
    transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    number bigint GENERATED ALWAYS AS IDENTITY,
    user_id uuid,
    token_version integer,
    session_id uuid,
    revoked_at timestamptz NOT NULL,
    PRIMARY KEY (transaction, number),
    CHECK ((user_id IS NULL) = (token_version IS NULL)),
    CHECK ((user_id IS NULL) <> (session_id IS NULL))
);

CREATE INDEX revocations_by_age ON revocations (revoked_at);

REVOKE UPDATE ON revocations FROM auth_rt;

-- Every change of state, written in the transaction that made it. No names, addresses or networks: ids alone, so that
-- erasing a person leaves the trail as it was. The transaction's id gives the order in which it can be sealed.
CREATE TABLE audit_events (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    transaction bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    occurred_at timestamptz NOT NULL,
    actor jsonb NOT NULL,
    action text NOT NULL,
    subject_type text NOT NULL CHECK (subject_type IN ('user', 'session')),
    subject_id uuid NOT NULL,
    details jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX audit_events_by_transaction ON audit_events (tenant_id, transaction);
CREATE INDEX audit_events_by_subject ON audit_events (tenant_id, subject_id);

SELECT protect_by_tenant('audit_events');

REVOKE UPDATE, DELETE ON audit_events FROM auth_rt;
