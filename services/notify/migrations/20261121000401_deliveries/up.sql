-- A tenant's address book: how to reach the people it has to do with, as auth last described them.
--
-- A row without an address is somebody whom an event named before auth's feed described them. The row is also the lock
-- that the two feeds meet on: whoever records a delivery and whoever brings the address take it first, so neither can
-- overlook the other.
CREATE TABLE contacts (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    email text,
    name text,
    locale text CHECK (locale IN ('fr', 'en')),
    email_verified boolean NOT NULL DEFAULT false,
    -- Set when the person was forgotten. The feeds are read at their own pace, so an older event may still come after.
    erased_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    CHECK ((email IS NULL) = (name IS NULL) AND (email IS NULL) = (locale IS NULL)),
    CHECK (erased_at IS NULL OR email IS NULL)
);
SELECT protect_by_tenant('contacts');

-- One message to one person by one channel because of one event.
CREATE TABLE deliveries (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    event_id uuid NOT NULL,
    user_id uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email')),
    kind text NOT NULL CHECK (kind IN ('email_verification', 'signup_known_address', 'payment_paid',
        'reservation_confirmed', 'reservation_cancelled', 'reservation_rejected')),
    state text NOT NULL CHECK (state IN ('waiting_for_contact', 'pending', 'sending', 'sent', 'failed', 'suppressed')),
    -- What the message is about. Null once purged or erased.
    occasion jsonb,
    -- Where it goes: brought by the event itself, else taken from the contact when it is sent.
    email text,
    locale text CHECK (locale IN ('fr', 'en')),
    -- Sealed for this service, and only until the message is out of our hands.
    sealed_token text,
    -- Why it is not sent, without personal data.
    reason text,
    subject text,
    created_at timestamptz NOT NULL,
    -- Since when it could be sent.
    pending_since timestamptz,
    settled_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT deliveries_one_per_event UNIQUE (tenant_id, event_id, user_id, channel),
    CHECK ((settled_at IS NULL) = (state IN ('waiting_for_contact', 'pending', 'sending'))),
    CHECK (pending_since IS NOT NULL OR state NOT IN ('pending', 'sending', 'sent', 'failed')),
    CHECK (settled_at IS NULL OR sealed_token IS NULL),
    CHECK (settled_at IS NOT NULL OR occasion IS NOT NULL)
);
CREATE INDEX deliveries_of_person ON deliveries (tenant_id, user_id, id);
CREATE INDEX deliveries_waiting ON deliveries (tenant_id, user_id) WHERE state = 'waiting_for_contact';
CREATE INDEX deliveries_unsettled ON deliveries (tenant_id, created_at) WHERE settled_at IS NULL;
CREATE INDEX deliveries_with_content ON deliveries (tenant_id, created_at) WHERE occasion IS NOT NULL;
SELECT protect_by_tenant('deliveries');

-- What a person switched off or on. No row: on.
CREATE TABLE preferences (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('reservation_confirmed', 'reservation_cancelled')),
    channel text NOT NULL CHECK (channel IN ('email')),
    enabled boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, kind, channel)
);
SELECT protect_by_tenant('preferences');

-- The development mailbox: stands where a mail server of the outside world would, so it belongs to no tenant. One row
-- per delivery, however often it is handed over.
CREATE TABLE mailbox_messages (
    id uuid PRIMARY KEY,
    recipient text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    html text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX mailbox_messages_by_recipient ON mailbox_messages (lower(recipient), created_at);
