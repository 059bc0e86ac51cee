-- A code that is mailed has no secret of its own.
ALTER TABLE user_factors ALTER COLUMN secret_sealed DROP NOT NULL;
ALTER TABLE user_factors
    ADD CONSTRAINT user_factors_secret CHECK (kind <> 'totp' OR secret_sealed IS NOT NULL);

-- Codes for whoever lost the other factors. Only digests are kept, each with the person in it.
CREATE TABLE recovery_codes (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (realm_id, user_id, code_hash),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('recovery_codes');

-- How many codes were tried for somebody in the present time step. Written in transactions of their own.
CREATE TABLE factor_guesses (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    step bigint NOT NULL,
    guesses integer NOT NULL,
    PRIMARY KEY (realm_id, user_id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('factor_guesses');

-- Devices that may leave out the second factor for a while. The proof is a secret that was given out once, on the device
-- that asked for it; the account's version is that of the day, so that whatever ends all tokens ends these as well.
CREATE TABLE remembered_devices (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    token_hash bytea NOT NULL,
    device_hash bytea NOT NULL,
    token_version integer NOT NULL,
    user_agent text,
    remembered_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, user_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX remembered_devices_by_expiry ON remembered_devices (realm_id, expires_at);

SELECT protect_by_realm('remembered_devices');
