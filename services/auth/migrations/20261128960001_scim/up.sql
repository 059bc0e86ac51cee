-- What an identity provider calls the people of a studio. Whoever it brought stands here from their invitation on; a member whom
-- it never spoke of has no row.
CREATE TABLE scim_users (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Null until somebody has accepted the invitation.
    user_id uuid,
    invitation_id uuid,
    -- Null where the provider never said another name than the address of the member's account.
    user_name text,
    user_name_canonical text,
    external_id text,
    display_name text,
    given_name text,
    family_name text,
    -- When the provider suspended the membership or took the invitation back: the moment of its lock, or of its revocation. One of
    -- another moment is the staff's.
    deactivated_at timestamptz,
    -- Who said for the provider that they are not to be active, until it says that they are.
    unwanted_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT scim_users_user UNIQUE (tenant_id, user_id),
    CONSTRAINT scim_users_user_name UNIQUE (tenant_id, user_name_canonical),
    CONSTRAINT scim_users_external_id UNIQUE (tenant_id, external_id),
    -- What a provider knows of somebody ends with the membership.
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, invitation_id) REFERENCES invitations (tenant_id, id) ON DELETE SET NULL (invitation_id),
    -- Whoever is neither a member nor invited is nobody's business.
    CHECK (user_id IS NOT NULL OR invitation_id IS NOT NULL AND user_name IS NOT NULL),
    CHECK ((user_name IS NULL) = (user_name_canonical IS NULL))
);

CREATE INDEX scim_users_by_invitation ON scim_users (tenant_id, invitation_id);

SELECT protect_by_tenant('scim_users');

COMMENT ON COLUMN scim_users.user_id IS 'technical: id of whose row it is';
COMMENT ON COLUMN scim_users.invitation_id IS 'technical: id of an invitation';
COMMENT ON COLUMN scim_users.unwanted_by IS 'technical: id of who did it';
COMMENT ON COLUMN scim_users.user_name IS 'personal: matching the person with the identity provider of a studio; legitimate interest; until the membership ends, or thirty days after the invitation';
COMMENT ON COLUMN scim_users.user_name_canonical IS 'personal: matching the person with the identity provider of a studio; legitimate interest; until the membership ends, or thirty days after the invitation';
COMMENT ON COLUMN scim_users.external_id IS 'personal: matching the person with the identity provider of a studio; legitimate interest; until the membership ends, or thirty days after the invitation';
COMMENT ON COLUMN scim_users.display_name IS 'personal: telling the identity provider of a studio what it said; legitimate interest; until the membership ends, or thirty days after the invitation';
COMMENT ON COLUMN scim_users.given_name IS 'personal: telling the identity provider of a studio what it said; legitimate interest; until the membership ends, or thirty days after the invitation';
COMMENT ON COLUMN scim_users.family_name IS 'personal: telling the identity provider of a studio what it said; legitimate interest; until the membership ends, or thirty days after the invitation';

INSERT INTO permissions (name) VALUES ('auth.provisioning.manage');

-- Every tenant's admins get it; a migration sees a tenant's rows only as that tenant.
DO $$
DECLARE
    tenant uuid;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        INSERT INTO role_permissions (tenant_id, role, permission)
        SELECT tenant, 'admin', 'auth.provisioning.manage' FROM roles
        WHERE roles.tenant_id = tenant AND roles.name = 'admin' AND roles.system;
    END LOOP;
END $$;
