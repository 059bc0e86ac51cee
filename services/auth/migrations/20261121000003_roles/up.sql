-- Who belongs to a tenant. The person is in `users`, which no tenant's transaction has to see.
CREATE TABLE memberships (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    realm_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('invited', 'accepted', 'active', 'suspended')),
    tier text NOT NULL CHECK (tier IN ('free', 'premium')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, realm_id) REFERENCES tenant_realms (tenant_id, realm_id)
);

CREATE INDEX memberships_by_user ON memberships (user_id);

SELECT protect_by_tenant('memberships');

-- Every permission that the services know.
CREATE TABLE permissions (
    name text PRIMARY KEY
);

-- A tenant's roles: the system's own, which have the same names everywhere, and later those that it makes itself.
CREATE TABLE roles (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    system boolean NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

SELECT protect_by_tenant('roles');

CREATE TABLE role_permissions (
    tenant_id uuid NOT NULL,
    role text NOT NULL,
    permission text NOT NULL,
    PRIMARY KEY (tenant_id, role, permission),
    FOREIGN KEY (tenant_id, role) REFERENCES roles (tenant_id, name) ON DELETE CASCADE
);

SELECT protect_by_tenant('role_permissions');

CREATE TABLE membership_roles (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (tenant_id, user_id, role),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, role) REFERENCES roles (tenant_id, name)
);

SELECT protect_by_tenant('membership_roles');

SELECT set_config('app.tenant_id', '01920000-0000-7000-8000-000000000001', true);

INSERT INTO permissions (name) VALUES
    ('booking.classes.manage'), ('booking.sessions.manage'), ('credits.packages.manage');

INSERT INTO roles (tenant_id, name, system)
SELECT '01920000-0000-7000-8000-000000000001', name, true
FROM unnest(ARRAY['admin', 'manager', 'coach', 'moderator', 'member']) name;

INSERT INTO role_permissions (tenant_id, role, permission)
SELECT '01920000-0000-7000-8000-000000000001', role, permissions.name
FROM permissions, unnest(ARRAY['admin', 'manager']) role;
