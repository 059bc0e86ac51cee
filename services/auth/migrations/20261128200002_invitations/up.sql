-- Invitations to a tenant: to one address, by a link in a letter, or to whoever was given a code.
CREATE TABLE invitations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    realm_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('email', 'code')),
    email text,
    email_canonical text,
    locale text NOT NULL CHECK (locale IN ('fr', 'en')),
    -- Codes are passed on by hand, so whoever made one can read it again.
    code_sealed text,
    most_uses integer NOT NULL CHECK (most_uses > 0),
    uses integer NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND most_uses),
    invited_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, realm_id) REFERENCES tenant_realms (tenant_id, realm_id),
    CHECK ((kind = 'email') = (email IS NOT NULL) AND (email IS NULL) = (email_canonical IS NULL)),
    CHECK ((kind = 'code') = (code_sealed IS NOT NULL)),
    CHECK (kind = 'code' OR most_uses = 1)
);

-- One address has one open invitation: another letter takes the place of the first.
CREATE UNIQUE INDEX invitations_open_by_email ON invitations (tenant_id, email_canonical)
    WHERE revoked_at IS NULL AND uses = 0;

SELECT protect_by_tenant('invitations');

-- What they make of whoever accepts. A role cannot go while an open invitation promises it.
CREATE TABLE invitation_roles (
    tenant_id uuid NOT NULL,
    invitation_id uuid NOT NULL,
    role text NOT NULL,
    PRIMARY KEY (tenant_id, invitation_id, role),
    FOREIGN KEY (tenant_id, invitation_id) REFERENCES invitations (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT invitation_roles_role FOREIGN KEY (tenant_id, role) REFERENCES roles (tenant_id, name)
);

CREATE INDEX invitation_roles_by_role ON invitation_roles (tenant_id, role);

SELECT protect_by_tenant('invitation_roles');

-- Who accepted which.
CREATE TABLE invitation_acceptances (
    tenant_id uuid NOT NULL,
    invitation_id uuid NOT NULL,
    user_id uuid NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, invitation_id, user_id),
    FOREIGN KEY (tenant_id, invitation_id) REFERENCES invitations (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX invitation_acceptances_by_user ON invitation_acceptances (tenant_id, user_id);

SELECT protect_by_tenant('invitation_acceptances');

-- Where a link or a code leads to, before its tenant is known: digests alone, keyed for codes, because short ones could be
-- guessed from a plain one.
CREATE TABLE invitation_keys (
    realm_id uuid NOT NULL,
    digest bytea NOT NULL,
    for_tenant uuid NOT NULL,
    invitation_id uuid NOT NULL,
    PRIMARY KEY (realm_id, digest)
);

CREATE INDEX invitation_keys_by_invitation ON invitation_keys (realm_id, invitation_id);

SELECT protect_by_realm('invitation_keys');

-- Which invitation a request to sign up came with: it is accepted once the address is confirmed.
ALTER TABLE signups ADD COLUMN invitation_digest bytea;

COMMENT ON COLUMN invitation_keys.digest IS 'technical: digest of a random text';
COMMENT ON COLUMN invitation_roles.role IS 'technical: name of a role';
COMMENT ON COLUMN invitations.code_sealed IS 'technical: random text';
COMMENT ON COLUMN invitations.email IS 'personal: inviting the person to a studio; legitimate interest; thirty days after the invitation ends';
COMMENT ON COLUMN invitations.email_canonical IS 'personal: inviting the person to a studio; legitimate interest; thirty days after the invitation ends';
COMMENT ON COLUMN invitations.kind IS 'technical: kind of invitation';
COMMENT ON COLUMN invitations.locale IS 'personal: writing in a language that the person may read; legitimate interest; thirty days after the invitation ends';
COMMENT ON COLUMN signups.invitation_digest IS 'technical: digest of a random text';
