-- Row-level security, declared in one line per table, so that no migration writes a policy of its own.
--
-- Outside a transaction that set its tenant the setting is null or, on a pooled connection, the empty text: then no row
-- is seen and none may be written.
CREATE FUNCTION protect_by_tenant(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY tenant_only ON %s USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
         WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', target);
END $$;

-- For what belongs to a realm and to no tenant: users, their sessions and factors.
CREATE FUNCTION protect_by_realm(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format(
        'CREATE POLICY realm_only ON %s USING (realm_id = nullif(current_setting(''app.realm_id'', true), '''')::uuid)
         WITH CHECK (realm_id = nullif(current_setting(''app.realm_id'', true), '''')::uuid)', target);
END $$;

-- The tenants that exist, as auth tells them: for hosts, and for work that goes through all tenants one by one. Read
-- before a tenant is known, so it has no row-level security of its own.
CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL,
    name text NOT NULL,
    domain text UNIQUE,
    time_zone text NOT NULL
);

INSERT INTO tenants (id, slug, name, time_zone)
VALUES ('01920000-0000-7000-8000-000000000001', 'default', 'Shinkofa', 'Europe/Paris');
