-- Which session a provider's way back was exchanged for: it ends when somebody exchanges the same code once more. Gone with the
-- attempt, minutes later.
CREATE TABLE oauth_sessions (
    realm_id uuid NOT NULL,
    state_hash bytea NOT NULL,
    session_id uuid NOT NULL,
    PRIMARY KEY (realm_id, state_hash),
    FOREIGN KEY (realm_id, state_hash) REFERENCES oauth_attempts (realm_id, state_hash) ON DELETE CASCADE
);

SELECT protect_by_realm('oauth_sessions');

COMMENT ON COLUMN oauth_sessions.state_hash IS 'technical: digest of a random text';
