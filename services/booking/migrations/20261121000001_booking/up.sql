-- A bookable lesson.
CREATE TABLE classes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    title text NOT NULL,
    description text,
    level text,
    duration_minutes integer NOT NULL CHECK (duration_minutes > 0),
    -- What one seat costs. Sessions copy it, so that a new price changes none that is on the calendar.
    credit_cost integer NOT NULL CHECK (credit_cost >= 0),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

SELECT protect_by_tenant('classes');

-- Until when a reservation may be cancelled with its credits given back. A change is a new version: what was agreed when
-- somebody booked stays readable.
CREATE TABLE policies (
    tenant_id uuid NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    cancel_before_minutes integer NOT NULL CHECK (cancel_before_minutes >= 0),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

SELECT protect_by_tenant('policies');

-- One dated occurrence of a class. `taken` is the one truth about its seats: every booking passes through a guarded
-- update of it, and stays on its page (nothing indexes it) while the page has room.
CREATE TABLE sessions (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    class_id uuid NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    capacity integer NOT NULL CHECK (capacity > 0),
    taken integer NOT NULL DEFAULT 0,
    credit_cost integer NOT NULL CHECK (credit_cost >= 0),
    coach_id uuid,
    location text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, class_id) REFERENCES classes (tenant_id, id),
    CONSTRAINT sessions_end_after_start CHECK (ends_at > starts_at),
    -- The second guard, behind the predicate of the booking statement.
    CONSTRAINT sessions_taken_within_capacity CHECK (taken BETWEEN 0 AND capacity)
) WITH (fillfactor = 70);

SELECT protect_by_tenant('sessions');

CREATE INDEX sessions_by_start ON sessions (tenant_id, starts_at, id);

-- Somebody's seats in a session.
CREATE TABLE reservations (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    -- A user id; after erasure a pseudonym.
    customer_id uuid NOT NULL,
    seats integer NOT NULL CHECK (seats > 0),
    -- What all of its seats cost together.
    credits integer NOT NULL CHECK (credits >= 0),
    status text NOT NULL CHECK (status IN ('pending', 'confirmed', 'rejected', 'expired', 'cancelled',
        'late_cancelled', 'studio_cancelled', 'attended', 'no_show')),
    -- Counts changes of status: they are made by compare-and-set on (status, version).
    version integer NOT NULL CHECK (version > 0),
    -- A pending one that is older gives its seats back.
    hold_expires_at timestamptz NOT NULL,
    -- Agreed at booking. A cancellation at this very instant is late.
    cancel_deadline timestamptz NOT NULL,
    -- No foreign key: every booking of the tenant would lock that one row, and policies are never deleted.
    policy_version integer NOT NULL,
    -- Under which request it came to be, to answer that request again.
    idempotency_key text NOT NULL,
    credits_refunded integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    -- When it became confirmed. Stays through a later cancellation: those credits are refunded, not released.
    confirmed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id),
    CONSTRAINT reservations_refund_within_price CHECK (credits_refunded BETWEEN 0 AND credits)
);

SELECT protect_by_tenant('reservations');

-- One active reservation per person and session.
CREATE UNIQUE INDEX reservations_one_active ON reservations (tenant_id, session_id, customer_id)
    WHERE status IN ('pending', 'confirmed', 'attended', 'no_show');
CREATE INDEX reservations_by_customer ON reservations (tenant_id, customer_id, id);
CREATE INDEX reservations_pending ON reservations (tenant_id, session_id, hold_expires_at) WHERE status = 'pending';
