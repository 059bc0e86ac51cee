-- Why a member is locked out of a tenant. The membership's own status is what counts; this tells staff the story.
CREATE TABLE membership_locks (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    reason text NOT NULL,
    locked_by uuid NOT NULL,
    locked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);

SELECT protect_by_tenant('membership_locks');

-- Sessions in which somebody of the staff sees the platform as a member does, and why.
CREATE TABLE impersonations (
    tenant_id uuid NOT NULL,
    session_id uuid NOT NULL,
    user_id uuid NOT NULL,
    impersonator_id uuid NOT NULL,
    reason text NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
);

CREATE INDEX impersonations_by_user ON impersonations (tenant_id, user_id);
CREATE INDEX impersonations_by_impersonator ON impersonations (tenant_id, impersonator_id);

SELECT protect_by_tenant('impersonations');
