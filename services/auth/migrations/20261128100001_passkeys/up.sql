-- Passkeys. Each is a second factor as well, under the same id: what is asked at sign-in, the limit, removal and erasure are
-- those of every other factor, and what ends the factor ends the passkey.
CREATE TABLE passkeys (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    -- As the authenticator named it. One name is one key, whoever it belongs to.
    credential_id bytea NOT NULL CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    -- COSE, as the authenticator wrote it.
    public_key bytea NOT NULL,
    -- What the authenticator counted at its last use: one that goes back was copied.
    sign_count bigint NOT NULL CHECK (sign_count >= 0),
    backup_eligible boolean NOT NULL,
    backed_up boolean NOT NULL,
    -- Whether it can be used without an address being typed first; null where the browser did not say.
    discoverable boolean,
    transports text NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (realm_id, user_id, id),
    CONSTRAINT passkeys_by_credential UNIQUE (realm_id, credential_id),
    CONSTRAINT passkeys_backup CHECK (backup_eligible OR NOT backed_up),
    FOREIGN KEY (realm_id, user_id, id) REFERENCES user_factors (realm_id, user_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('passkeys');

-- What authenticators know people by: random, so that it says nothing about them wherever it is kept.
CREATE TABLE passkey_handles (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    handle bytea NOT NULL CHECK (octet_length(handle) = 32),
    PRIMARY KEY (realm_id, user_id),
    CONSTRAINT passkey_handles_are_different UNIQUE (realm_id, handle),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('passkey_handles');

-- What an authenticator has to sign: found only together with what it is for, and with the session, step or tenant that it
-- was given out in. Works once, for minutes.
CREATE TABLE passkey_challenges (
    realm_id uuid NOT NULL REFERENCES realms (id),
    purpose text NOT NULL CHECK (purpose IN ('registration', 'sign_in', 'second_factor', 'step_up')),
    challenge_hash bytea NOT NULL,
    bound_to bytea NOT NULL,
    -- Nobody's where somebody has still to say who they are.
    user_id uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    PRIMARY KEY (realm_id, purpose, challenge_hash),
    CONSTRAINT passkey_challenges_person CHECK ((user_id IS NULL) = (purpose = 'sign_in')),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (realm_id, expires_at);

SELECT protect_by_realm('passkey_challenges');

COMMENT ON COLUMN passkey_handles.handle IS 'personal: recognising the person at sign-in with a passkey; contract; until the account is erased';
COMMENT ON COLUMN passkeys.credential_id IS 'personal: recognising the passkey at sign-in; contract; until it is removed or the account is erased';
COMMENT ON COLUMN passkeys.name IS 'personal: what the person calls a passkey; contract; until it is removed or the account is erased';
COMMENT ON COLUMN passkeys.public_key IS 'personal: checking what the passkey signed; contract; until it is removed or the account is erased';
COMMENT ON COLUMN passkeys.transports IS 'personal: reaching the passkey at sign-in; contract; until it is removed or the account is erased';

COMMENT ON COLUMN passkey_challenges.bound_to IS 'technical: digest of an id or of a random text';
COMMENT ON COLUMN passkey_challenges.challenge_hash IS 'technical: digest of a random text';
COMMENT ON COLUMN passkey_challenges.purpose IS 'technical: kind of challenge';
