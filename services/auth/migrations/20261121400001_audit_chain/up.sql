-- The trail, sealed: each row is a link that names one event, what the event said and where it stood, and hashes all of it
-- together with the link before. Written by a job after the events have committed, so that no request waits for another;
-- in the order of transactions, which is the one nobody can change afterwards.
CREATE TABLE audit_seals (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    event_id uuid NOT NULL,
    -- Where the event stood: the place that the job goes on from, also when the event itself is gone.
    transaction bigint NOT NULL,
    number bigint NOT NULL,
    -- What the event said.
    content bytea NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    -- Two sealers at once cannot fork the chain, and no event is sealed twice.
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, event_id)
);

SELECT protect_by_tenant('audit_seals');

-- Heads of the chain, signed with a key that is not in this database: whoever rewrites the chain from some link on cannot
-- sign the new head.
CREATE TABLE audit_checkpoints (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    made_at timestamptz NOT NULL,
    hash bytea NOT NULL,
    signature text NOT NULL,
    PRIMARY KEY (tenant_id, seq, made_at)
);

SELECT protect_by_tenant('audit_checkpoints');

REVOKE UPDATE, DELETE, TRUNCATE ON audit_seals, audit_checkpoints, audit_events FROM auth_rt;

-- The whole order of the trail, for sealing and for reading it page by page.
DROP INDEX audit_events_by_transaction;
CREATE INDEX audit_events_by_place ON audit_events (tenant_id, transaction, number);
-- What somebody did, beside what was done to them.
CREATE INDEX audit_events_by_actor ON audit_events (tenant_id, (actor ->> 'userId'));

INSERT INTO permissions (name) VALUES ('auth.audit.read'), ('auth.users.manage'), ('auth.users.impersonate');

-- Every tenant gets them for its own roles; a migration sees a tenant's rows only as that tenant.
DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        INSERT INTO role_permissions (tenant_id, role, permission)
        SELECT tenant, granted.role, granted.permission
        FROM (VALUES ('admin', 'auth.audit.read'), ('admin', 'auth.users.manage'), ('manager', 'auth.users.manage'),
                     ('admin', 'auth.users.impersonate')) granted (role, permission)
        JOIN roles ON roles.tenant_id = tenant AND roles.name = granted.role AND roles.system;
    END LOOP;
END $$;
