-- Accounts of programs. The account itself stands in `users`, of the kind `service`, and belongs to one tenant by its membership.
CREATE TABLE service_accounts (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    description text NOT NULL,
    -- Names of permissions, with a space between.
    scope text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    -- Null while its keys bring tokens.
    disabled_at timestamptz,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);

SELECT protect_by_tenant('service_accounts');

-- What a service account shows to get its tokens. Only a digest is kept: the key itself is random and long, so that a fast one
-- cannot be turned back.
CREATE TABLE api_keys (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    -- The part that is no secret: it tells which key it is.
    prefix text NOT NULL,
    digest bytea NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- At most once a minute, so that a busy key's row is not what everybody waits for.
    last_used_at timestamptz,
    revoked_at timestamptz,
    -- The one session that stands behind all tokens of this key.
    session_id uuid,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_prefix UNIQUE (tenant_id, prefix),
    FOREIGN KEY (tenant_id, user_id) REFERENCES service_accounts (tenant_id, user_id) ON DELETE CASCADE
);

CREATE INDEX api_keys_by_account ON api_keys (tenant_id, user_id);

SELECT protect_by_tenant('api_keys');

COMMENT ON COLUMN service_accounts.description IS 'technical: what a program does';
COMMENT ON COLUMN service_accounts.scope IS 'technical: names of permissions';
COMMENT ON COLUMN api_keys.name IS 'technical: where a program runs';
COMMENT ON COLUMN api_keys.prefix IS 'technical: random text';
COMMENT ON COLUMN api_keys.digest IS 'technical: digest of a random text';

INSERT INTO permissions (name) VALUES ('auth.service_accounts.manage');

-- Every tenant's admins get it; a migration sees a tenant's rows only as that tenant.
DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        INSERT INTO role_permissions (tenant_id, role, permission)
        SELECT tenant, 'admin', 'auth.service_accounts.manage' FROM roles
        WHERE roles.tenant_id = tenant AND roles.name = 'admin' AND roles.system;
    END LOOP;
END $$;
