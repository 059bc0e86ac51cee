-- One purchase, with the terms of the package as they were.
CREATE TABLE payments (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    package_id uuid NOT NULL,
    package_name text NOT NULL,
    credits integer NOT NULL CHECK (credits > 0),
    validity_days integer CHECK (validity_days > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    status text NOT NULL CHECK (status IN ('created', 'open', 'processing', 'paid', 'failed', 'expired')),
    -- The buyer's Idempotency-Key: finds this payment again when the request is repeated before Stripe has answered.
    request_key text NOT NULL,
    checkout_session_id text,
    checkout_url text,
    -- Set once the credits are in the wallet.
    lot_id uuid,
    created_at timestamptz NOT NULL,
    paid_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, checkout_session_id),
    FOREIGN KEY (tenant_id, package_id) REFERENCES packages (tenant_id, id),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES lots (tenant_id, id),
    CONSTRAINT payments_paid_means_granted CHECK (
        (status = 'paid') = (lot_id IS NOT NULL) AND (status = 'paid') = (paid_at IS NOT NULL)
    ),
    CONSTRAINT payments_open_at_stripe CHECK (
        checkout_session_id IS NOT NULL OR status IN ('created', 'failed')
    )
);

CREATE INDEX payments_by_user ON payments (tenant_id, user_id, created_at DESC);
CREATE INDEX payments_unsettled ON payments (tenant_id, created_at) WHERE status IN ('created', 'open', 'processing');

SELECT protect_by_tenant('payments');

-- What Stripe was asked to do, and under which of its idempotency keys: written before the call, so that a crash in the
-- middle is seen and the call repeated under the same key.
CREATE TABLE stripe_calls (
    tenant_id uuid NOT NULL,
    idem_key text NOT NULL,
    payment_id uuid NOT NULL,
    request_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- Null while nobody knows.
    outcome text CHECK (outcome IN ('done', 'refused')),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, idem_key),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id),
    CHECK ((outcome IS NULL) = (finished_at IS NULL))
);

SELECT protect_by_tenant('stripe_calls');

-- The events that Stripe told, each once. They are hints: what is true is fetched. Kept without their content, which
-- carries the payer's name and address. Read before a tenant is known, so there is no tenant_id and no business row.
CREATE TABLE stripe_events (
    -- The connected account; empty for the platform's own.
    account text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    object_id text NOT NULL,
    for_tenant uuid,
    payment_id uuid,
    created_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (account, event_id)
);

CREATE INDEX stripe_events_by_age ON stripe_events (received_at);
