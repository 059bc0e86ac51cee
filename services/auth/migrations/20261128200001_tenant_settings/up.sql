-- Here `tenants` is the truth, so two of one name or one domain cannot come to be. (`domain` is unique everywhere.)
CREATE UNIQUE INDEX tenants_slug ON tenants (slug);

-- What a tenant decides for itself and no other service has to know.
CREATE TABLE tenant_settings (
    tenant_id uuid NOT NULL,
    -- The language of letters to people whose own is not known.
    default_locale text NOT NULL CHECK (default_locale IN ('fr', 'en')),
    -- May anybody sign up, or only who was invited?
    self_sign_up boolean NOT NULL,
    -- Raised by every change of the tenant: what `If-Match` is compared with.
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id)
);

SELECT protect_by_tenant('tenant_settings');

INSERT INTO permissions (name) VALUES ('auth.members.manage'), ('auth.roles.manage'), ('auth.tenant.manage');

-- A migration sees a tenant's rows only as that tenant.
DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        INSERT INTO tenant_settings (tenant_id, default_locale, self_sign_up, version, updated_at)
        VALUES (tenant, 'fr', true, 1, now());
        INSERT INTO role_permissions (tenant_id, role, permission)
        SELECT tenant, granted.role, granted.permission
        FROM (VALUES ('admin', 'auth.members.manage'), ('manager', 'auth.members.manage'),
                     ('admin', 'auth.roles.manage'), ('admin', 'auth.tenant.manage')) granted (role, permission)
        JOIN roles ON roles.tenant_id = tenant AND roles.name = granted.role AND roles.system;
    END LOOP;
END $$;

-- A person may ask in which tenants they are what, without seeing anything else of those. The setting is made for the one
-- question and taken back after it: other questions never meet a row of another tenant.
CREATE POLICY own_memberships ON memberships FOR SELECT
    USING (user_id = nullif(current_setting('app.person_id', true), '')::uuid);
CREATE POLICY own_membership_roles ON membership_roles FOR SELECT
    USING (user_id = nullif(current_setting('app.person_id', true), '')::uuid);

CREATE INDEX membership_roles_by_role ON membership_roles (tenant_id, role);
CREATE INDEX membership_roles_by_user ON membership_roles (user_id);

COMMENT ON COLUMN idempotency_keys.response IS 'technical: ids and names of studios';
COMMENT ON COLUMN tenant_roles.name IS 'technical: name of a role';
COMMENT ON COLUMN tenant_roles.permissions IS 'technical: names of permissions';
COMMENT ON COLUMN tenant_settings.default_locale IS 'technical: of a studio';
COMMENT ON COLUMN tenants.status IS 'technical: of a studio';
