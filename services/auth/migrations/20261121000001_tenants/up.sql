-- A realm: one population of users. Read before anything is known about a caller, so it has no row-level security.
CREATE TABLE realms (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE
);

INSERT INTO realms (id, name) VALUES ('01920000-0000-7000-8000-000000000000', 'default');

-- Whose users may be members of a tenant. The tenants themselves stand in `tenants`, which every service has and which
-- here is the truth.
CREATE TABLE tenant_realms (
    tenant_id uuid PRIMARY KEY,
    realm_id uuid NOT NULL,
    UNIQUE (tenant_id, realm_id)
);

SELECT protect_by_tenant('tenant_realms');

-- What a migration writes is under row-level security like everything else.
SELECT set_config('app.tenant_id', '01920000-0000-7000-8000-000000000001', true);

INSERT INTO tenant_realms (tenant_id, realm_id)
VALUES ('01920000-0000-7000-8000-000000000001', '01920000-0000-7000-8000-000000000000');

-- The other services hear of the tenant that every installation starts with.
SELECT append_event(
    '01920000-0000-7000-8000-000000000002', 'tenant.changed', 1, '2026-11-21T00:00:00Z', id, 'tenant', id,
    '{"kind": "service", "name": "auth"}', NULL,
    jsonb_build_object('tenantId', id, 'slug', slug, 'name', name, 'domain', domain, 'timeZone', time_zone), NULL
) FROM tenants WHERE slug = 'default';
