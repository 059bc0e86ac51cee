-- One sign-in on one device, from its first token to its end.
CREATE TABLE sessions (
    realm_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    for_tenant uuid NOT NULL,
    -- Counts the refresh tokens given out. Nothing that could be replayed is kept: a token is its session, its generation
    -- and an authentication code under the session's key, which is sealed.
    generation integer NOT NULL CHECK (generation > 0),
    session_key_sealed text NOT NULL,
    rotated_at timestamptz NOT NULL,
    -- How often the previous token was presented again after the first moments.
    repeats integer NOT NULL DEFAULT 0,
    device_hash bytea,
    -- Network and user agent of the last rotation, as a digest.
    surroundings_hash bytea NOT NULL,
    amr text NOT NULL,
    acr text NOT NULL CHECK (acr IN ('aal1', 'aal2')),
    authenticated_at timestamptz NOT NULL,
    sliding_expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    -- Why is told by the audit trail.
    ended_at timestamptz,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX sessions_by_user ON sessions (realm_id, user_id);
CREATE INDEX sessions_by_expiry ON sessions (realm_id, absolute_expires_at);

SELECT protect_by_realm('sessions');

-- What its owner is shown of a session: personal, and read only for them. The network is kept without the part that points
-- at one household.
CREATE TABLE session_places (
    realm_id uuid NOT NULL,
    session_id uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    user_agent text,
    ip_prefix text NOT NULL,
    PRIMARY KEY (realm_id, session_id),
    FOREIGN KEY (realm_id, session_id) REFERENCES sessions (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('session_places');
