-- Where a tenant wants to be told what happens in it.
CREATE TABLE webhook_endpoints (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL,
    -- Kinds of events, with a space between.
    event_types text NOT NULL,
    secret_sealed text NOT NULL,
    -- The secret before it, which signs as well until the receiver has the new one.
    previous_sealed text,
    previous_until timestamptz,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    -- Deliveries given up since the last one that arrived.
    given_up integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    CHECK ((previous_sealed IS NULL) = (previous_until IS NULL))
);

SELECT protect_by_tenant('webhook_endpoints');

-- One event on its way to one endpoint: written in the transaction of what it tells. Ids alone.
CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    -- The same at every endpoint and every attempt: receivers know by it what they have had.
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    last_attempt_at timestamptz,
    -- Of the last answer; nothing else of it is kept.
    last_status integer,
    last_failure text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (tenant_id, endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (tenant_id, created_at);

SELECT protect_by_tenant('webhook_deliveries');

COMMENT ON COLUMN webhook_endpoints.url IS 'technical: of a studio';
COMMENT ON COLUMN webhook_endpoints.description IS 'technical: of a studio';
COMMENT ON COLUMN webhook_endpoints.event_types IS 'technical: kinds of events';
COMMENT ON COLUMN webhook_endpoints.secret_sealed IS 'technical: random key';
COMMENT ON COLUMN webhook_endpoints.previous_sealed IS 'technical: random key';
COMMENT ON COLUMN webhook_deliveries.event_type IS 'technical: kind of event';
COMMENT ON COLUMN webhook_deliveries.payload IS 'technical: ids alone, thirty days';
COMMENT ON COLUMN webhook_deliveries.state IS 'technical: progress';
COMMENT ON COLUMN webhook_deliveries.last_failure IS 'technical: kind of failure';

INSERT INTO permissions (name) VALUES ('auth.webhooks.manage');

-- Every tenant's admins get it; a migration sees a tenant's rows only as that tenant.
DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        INSERT INTO role_permissions (tenant_id, role, permission)
        SELECT tenant, 'admin', 'auth.webhooks.manage' FROM roles
        WHERE roles.tenant_id = tenant AND roles.name = 'admin' AND roles.system;
    END LOOP;
END $$;
