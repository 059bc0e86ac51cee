-- A tenant that is suspended or closed opens nothing any more.
ALTER TABLE tenants ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'closed'));

-- The roles that tenants made themselves and the permissions of each, as auth tells them. Looked at on every request of
-- somebody who has one, before anything of theirs is read: like `tenants` it has no row-level security.
CREATE TABLE tenant_roles (
    for_tenant uuid NOT NULL,
    name text NOT NULL,
    -- A list of names.
    permissions jsonb NOT NULL,
    PRIMARY KEY (for_tenant, name)
);
