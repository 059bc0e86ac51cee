-- Who somebody is elsewhere. The key is what the other side vouches for: its own name and its name for the person, which
-- never change hands. An address is no part of it.
CREATE TABLE identities (
    realm_id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id uuid NOT NULL,
    provider text NOT NULL,
    linked_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, issuer, subject),
    -- One of each provider's: a second one would be another person.
    CONSTRAINT identities_of_user UNIQUE (realm_id, user_id, provider),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('identities');

-- One way through a provider and back: begun, come back from the provider, redeemed. Minutes long and nobody's until it is
-- redeemed.
CREATE TABLE oauth_attempts (
    realm_id uuid NOT NULL REFERENCES realms (id),
    -- Digest of the `state` that the provider sends back.
    state_hash bytea NOT NULL,
    provider text NOT NULL,
    for_tenant uuid NOT NULL,
    redirect_uri text NOT NULL,
    -- Of our own client: whoever cannot show its verifier redeems nothing.
    code_challenge text NOT NULL,
    device_hash bytea,
    locale text NOT NULL CHECK (locale IN ('fr', 'en')),
    -- Our verifier and nonce towards the provider.
    secrets_sealed text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    returned_at timestamptz,
    -- Digest of the code that our client redeems, and who the provider said it was.
    exchange_hash bytea,
    identity_sealed text,
    attempts integer NOT NULL DEFAULT 0,
    used_at timestamptz,
    PRIMARY KEY (realm_id, state_hash),
    CONSTRAINT oauth_attempts_by_code UNIQUE (realm_id, exchange_hash)
);

CREATE INDEX oauth_attempts_by_expiry ON oauth_attempts (realm_id, expires_at);

SELECT protect_by_realm('oauth_attempts');

-- Providers that an operator has switched off. Looked at in every step, so that it takes effect at once.
CREATE TABLE disabled_providers (
    realm_id uuid NOT NULL REFERENCES realms (id),
    provider text NOT NULL,
    disabled_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, provider)
);

SELECT protect_by_realm('disabled_providers');

-- Guests are looked for among all accounts every few minutes.
CREATE INDEX users_who_are_guests ON users (realm_id, created_at) WHERE kind = 'anonymous';
