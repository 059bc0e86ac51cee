-- What somebody agreed to and took back, decision by decision: nothing is written over.
CREATE TABLE consent_decisions (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL,
    -- Of the text that was shown.
    version text NOT NULL,
    granted boolean NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, number)
);

SELECT protect_by_tenant('consent_decisions');

REVOKE UPDATE ON consent_decisions FROM auth_rt;

-- Requests to be forgotten, from the day they were made to the proof that they were fulfilled. Ids alone, so they stay.
CREATE TABLE erasures (
    realm_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    for_tenant uuid NOT NULL,
    state text NOT NULL,
    -- Every service is told twice: see the decision on erasure.
    round integer NOT NULL DEFAULT 0,
    -- Where in auth's feed the services were told last.
    told_transaction bigint,
    told_number bigint,
    -- A digest of what the person shows to see the certificate: afterwards nothing else points to them.
    certificate_hash bytea NOT NULL,
    requested_at timestamptz NOT NULL,
    erase_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (realm_id, id),
    UNIQUE (realm_id, certificate_hash)
);

CREATE UNIQUE INDEX erasures_open ON erasures (realm_id, user_id) WHERE state IN ('scheduled', 'erasing');
CREATE INDEX erasures_by_state ON erasures (realm_id, state, erase_at);

SELECT protect_by_realm('erasures');

-- Which services have forgotten the person, in the present round.
CREATE TABLE erasure_confirmations (
    realm_id uuid NOT NULL,
    erasure_id uuid NOT NULL,
    service text NOT NULL,
    confirmed_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, erasure_id, service),
    FOREIGN KEY (realm_id, erasure_id) REFERENCES erasures (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('erasure_confirmations');
