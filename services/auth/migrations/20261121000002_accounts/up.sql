-- People, and whatever else signs in. One account per address and realm.
CREATE TABLE users (
    realm_id uuid NOT NULL REFERENCES realms (id),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('member', 'temporary', 'anonymous', 'service')),
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'erased')),
    -- As it was written; messages go there.
    email text NOT NULL,
    -- As it is compared.
    email_canonical text NOT NULL,
    email_verified_at timestamptz,
    name text NOT NULL,
    locale text NOT NULL CHECK (locale IN ('fr', 'en')),
    -- Argon2id as a PHC string. Null where another way of signing in is the only one.
    password_phc text,
    -- Raised by whatever must end all earlier tokens.
    token_version integer NOT NULL CHECK (token_version > 0),
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, id),
    CONSTRAINT users_email UNIQUE (realm_id, email_canonical)
);

SELECT protect_by_realm('users');

-- A request to sign up, until its address is confirmed: a link confirms the password that was chosen with it and no other,
-- so that whoever signs up with a stranger's address first gains nothing by it.
CREATE TABLE signups (
    realm_id uuid NOT NULL REFERENCES realms (id),
    id uuid NOT NULL,
    for_tenant uuid NOT NULL,
    email text NOT NULL,
    email_canonical text NOT NULL,
    name text NOT NULL,
    locale text NOT NULL CHECK (locale IN ('fr', 'en')),
    password_phc text NOT NULL,
    created_at timestamptz NOT NULL,
    -- When the account was made or found.
    settled_at timestamptz,
    PRIMARY KEY (realm_id, id)
);

CREATE INDEX signups_by_address ON signups (realm_id, email_canonical, created_at);

SELECT protect_by_realm('signups');

-- Second factors. A confirmed one is asked for at sign-in.
CREATE TABLE user_factors (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('totp', 'passkey', 'recovery_code', 'email_code')),
    secret_sealed text NOT NULL,
    confirmed_at timestamptz,
    -- The last time step whose code was accepted: no code is accepted twice.
    last_step bigint,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, user_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('user_factors');

-- Devices that their owner signed in on: failed attempts by others do not lock these out.
CREATE TABLE known_devices (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    device_hash bytea NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, user_id, device_hash),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('known_devices');

-- Links and codes that work once. Only a digest is kept, and it is found only together with what it is for.
CREATE TABLE one_time_tokens (
    realm_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('email_verification', 'second_factor')),
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    for_tenant uuid NOT NULL,
    -- The request to sign up whose password the link confirms.
    signup_id uuid,
    -- The device that a step of signing in belongs to.
    device_hash bytea,
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz,
    PRIMARY KEY (realm_id, purpose, token_hash),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX one_time_tokens_by_user ON one_time_tokens (realm_id, user_id);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (realm_id, expires_at);

SELECT protect_by_realm('one_time_tokens');

-- Failed attempts to sign in, by a digest of the address, or of the address and a device that its owner knows. An address
-- without an account is counted like any other. Written in transactions of their own.
CREATE TABLE auth_failures (
    realm_id uuid NOT NULL REFERENCES realms (id),
    subject bytea NOT NULL,
    failures integer NOT NULL,
    counting_since timestamptz NOT NULL,
    locked_until timestamptz NOT NULL,
    PRIMARY KEY (realm_id, subject)
);

SELECT protect_by_realm('auth_failures');
