-- Credits set aside for a reservation, under the id that booking chose.
CREATE TABLE holds (
    tenant_id uuid NOT NULL,
    reservation_id uuid NOT NULL,
    -- Null in a tombstone: the reservation was released before its hold arrived, and a late hold is refused.
    user_id uuid,
    amount integer NOT NULL CHECK (amount >= 0),
    state text NOT NULL CHECK (state IN ('held', 'captured', 'released', 'expired', 'refunded', 'consumed')),
    -- After this the service asks booking what became of the reservation.
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, reservation_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES wallets (tenant_id, user_id),
    CONSTRAINT holds_tombstone CHECK (
        (user_id IS NULL) = (amount = 0) AND (user_id IS NOT NULL OR state = 'released')
    )
);

CREATE INDEX holds_overdue ON holds (tenant_id, expires_at) WHERE state = 'held';

SELECT protect_by_tenant('holds');

-- Which lots a hold's units come from, and go back to.
CREATE TABLE hold_allocations (
    tenant_id uuid NOT NULL,
    reservation_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    amount integer NOT NULL CHECK (amount > 0),
    PRIMARY KEY (tenant_id, reservation_id, lot_id),
    FOREIGN KEY (tenant_id, reservation_id) REFERENCES holds (tenant_id, reservation_id),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES lots (tenant_id, id)
);

SELECT protect_by_tenant('hold_allocations');

-- The four functions below are one round trip each. They lock in one order, hold before wallet before lots (a new hold
-- has no row to wait for), so they cannot deadlock; and under the wallet's lock nobody else moves units of its lots.

-- What every function below answers: what it found, and the hold as it is now.
--   done          this call did it
--   repeated      an earlier call did it
--   missing       there is no such hold
--   insufficient  the wallet does not cover it
--   differs       the reservation has a hold of another member or amount
--   closed        the units went back before; the hold does not come back to life
--   captured      the units are spent: only a refund brings them back
--   consumed      the units are used up
CREATE TYPE hold_answer AS (outcome text, user_id uuid, amount integer, state text, allocations jsonb);

CREATE FUNCTION describe_hold(tenant uuid, reservation uuid, outcome text) RETURNS hold_answer LANGUAGE sql STABLE AS $$
    SELECT outcome, holds.user_id, holds.amount, holds.state, coalesce((
        SELECT jsonb_agg(jsonb_build_object('lotId', lots.id, 'amount', taken.amount) ORDER BY lots.expires_at, lots.id)
        FROM hold_allocations taken JOIN lots ON lots.tenant_id = tenant AND lots.id = taken.lot_id
        WHERE taken.tenant_id = tenant AND taken.reservation_id = reservation
    ), '[]')
    FROM holds WHERE holds.tenant_id = tenant AND holds.reservation_id = reservation
$$;

CREATE FUNCTION hold_credits(
    tenant uuid, reservation uuid, holder uuid, wanted integer, ends_at timestamptz, journal uuid, at timestamptz
) RETURNS hold_answer LANGUAGE plpgsql AS $$
DECLARE
    usable bigint;
    known holds;
BEGIN
    PERFORM FROM wallets WHERE tenant_id = tenant AND user_id = holder FOR UPDATE;
    SELECT sum(remaining) INTO usable FROM lots
    WHERE tenant_id = tenant AND user_id = holder AND remaining > 0 AND (expires_at IS NULL OR expires_at > at);
    IF usable >= wanted THEN
        INSERT INTO holds (tenant_id, reservation_id, user_id, amount, state, expires_at, created_at, changed_at)
        VALUES (tenant, reservation, holder, wanted, 'held', ends_at, at, at)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            UPDATE wallets SET available = available - wanted, held = held + wanted
            WHERE tenant_id = tenant AND user_id = holder;
            INSERT INTO journals (tenant_id, id, idem_key, cause, user_id, reference, amount, created_at)
            VALUES (tenant, journal, 'hold:' || reservation, 'hold', holder, reservation, -wanted, at);
            WITH queue AS (
                SELECT id, remaining, sum(remaining) OVER (ORDER BY expires_at, id) - remaining AS ahead FROM lots
                WHERE tenant_id = tenant AND user_id = holder AND remaining > 0
                  AND (expires_at IS NULL OR expires_at > at)
            ), taken AS (
                UPDATE lots SET remaining = lots.remaining - part.amount, held = lots.held + part.amount
                FROM (SELECT id, least(remaining, wanted - ahead)::integer AS amount FROM queue WHERE ahead < wanted) part
                WHERE lots.tenant_id = tenant AND lots.id = part.id
                RETURNING lots.id, part.amount
            ), allocated AS (
                INSERT INTO hold_allocations (tenant_id, reservation_id, lot_id, amount)
                SELECT tenant, reservation, id, amount FROM taken
            )
            INSERT INTO entries (tenant_id, journal_id, number, asset, account, lot_id, amount)
            SELECT tenant, journal, row_number() OVER (), 'CREDIT', side.account, taken.id, side.sign * taken.amount
            FROM taken, (VALUES ('available', -1), ('held', 1)) AS side (account, sign);
            RETURN describe_hold(tenant, reservation, 'done');
        END IF;
    END IF;
    SELECT * INTO known FROM holds WHERE tenant_id = tenant AND reservation_id = reservation;
    RETURN CASE
        WHEN known.tenant_id IS NULL THEN ROW('insufficient', NULL, NULL, NULL, NULL)::hold_answer
        WHEN known.state IN ('released', 'expired', 'refunded') THEN describe_hold(tenant, reservation, 'closed')
        WHEN (known.user_id, known.amount) <> (holder, wanted) THEN describe_hold(tenant, reservation, 'differs')
        ELSE describe_hold(tenant, reservation, 'repeated')
    END;
END $$;

-- Held units are spent: they wait in `booked` until the class is over. Never fails for funds.
CREATE FUNCTION capture_hold(tenant uuid, reservation uuid, journal uuid, at timestamptz)
RETURNS hold_answer LANGUAGE plpgsql AS $$
DECLARE
    known holds;
BEGIN
    SELECT * INTO known FROM holds WHERE tenant_id = tenant AND reservation_id = reservation FOR UPDATE;
    IF known.tenant_id IS NULL THEN
        RETURN ROW('missing', NULL, NULL, NULL, NULL)::hold_answer;
    ELSIF known.state IN ('released', 'expired') THEN
        RETURN describe_hold(tenant, reservation, 'closed');
    ELSIF known.state <> 'held' THEN
        RETURN describe_hold(tenant, reservation, 'repeated');
    END IF;
    UPDATE holds SET state = 'captured', changed_at = at WHERE tenant_id = tenant AND reservation_id = reservation;
    UPDATE wallets SET held = held - known.amount WHERE tenant_id = tenant AND user_id = known.user_id;
    INSERT INTO journals (tenant_id, id, idem_key, cause, user_id, reference, amount, created_at)
    VALUES (tenant, journal, 'capture:' || reservation, 'deduction', known.user_id, reservation, -known.amount, at);
    WITH spent AS (
        UPDATE lots SET held = lots.held - part.amount, booked = lots.booked + part.amount
        FROM hold_allocations part
        WHERE part.tenant_id = tenant AND part.reservation_id = reservation
          AND lots.tenant_id = tenant AND lots.id = part.lot_id
        RETURNING lots.id, part.amount
    )
    INSERT INTO entries (tenant_id, journal_id, number, asset, account, lot_id, amount)
    SELECT tenant, journal, row_number() OVER (), 'CREDIT', side.account, spent.id, side.sign * spent.amount
    FROM spent, (VALUES ('held', -1), ('booked', 1)) AS side (account, sign);
    RETURN describe_hold(tenant, reservation, 'done');
END $$;

-- Spent units are used up: the member came, did not come, or cancelled too late. A hold that was not captured yet is
-- captured first, under `capture_journal`.
CREATE FUNCTION consume_hold(tenant uuid, reservation uuid, capture_journal uuid, journal uuid, at timestamptz)
RETURNS hold_answer LANGUAGE plpgsql AS $$
DECLARE
    found_now hold_answer := capture_hold(tenant, reservation, capture_journal, at);
BEGIN
    IF found_now.outcome NOT IN ('done', 'repeated') OR found_now.state = 'consumed' THEN
        RETURN found_now;
    ELSIF found_now.state = 'refunded' THEN
        RETURN describe_hold(tenant, reservation, 'closed');
    END IF;
    UPDATE holds SET state = 'consumed', changed_at = at WHERE tenant_id = tenant AND reservation_id = reservation;
    -- Changes nothing in the wallet; locked because its lots change.
    PERFORM FROM wallets WHERE tenant_id = tenant AND user_id = found_now.user_id FOR UPDATE;
    INSERT INTO journals (tenant_id, id, idem_key, cause, user_id, reference, amount, created_at)
    VALUES (tenant, journal, 'consume:' || reservation, 'consumption', found_now.user_id, reservation, 0, at);
    WITH used AS (
        UPDATE lots SET booked = lots.booked - part.amount, consumed = lots.consumed + part.amount
        FROM hold_allocations part
        WHERE part.tenant_id = tenant AND part.reservation_id = reservation
          AND lots.tenant_id = tenant AND lots.id = part.lot_id
        RETURNING lots.id, part.amount
    )
    INSERT INTO entries (tenant_id, journal_id, number, asset, account, lot_id, amount)
    SELECT tenant, journal, row_number() OVER (), 'CREDIT', side.account, used.id, side.sign * used.amount
    FROM used, (VALUES ('booked', -1), ('consumed', 1)) AS side (account, sign);
    RETURN describe_hold(tenant, reservation, 'done');
END $$;

-- Units go back to the lots they came from, and from an expired lot into a child that lives until `grace_until`.
-- `ending` is what the hold becomes: released or expired when it was never captured, refunded in either case.
CREATE FUNCTION return_hold(
    tenant uuid, reservation uuid, ending text, grace_until timestamptz, journal uuid, at timestamptz
) RETURNS hold_answer LANGUAGE plpgsql AS $$
DECLARE
    known holds;
    origin text;
BEGIN
    LOOP
        SELECT * INTO known FROM holds WHERE tenant_id = tenant AND reservation_id = reservation FOR UPDATE;
        EXIT WHEN FOUND;
        IF ending = 'refunded' THEN
            RETURN ROW('missing', NULL, NULL, NULL, NULL)::hold_answer;
        END IF;
        INSERT INTO holds (tenant_id, reservation_id, amount, state, expires_at, created_at, changed_at)
        VALUES (tenant, reservation, 0, 'released', at, at, at)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN describe_hold(tenant, reservation, 'done');
        END IF;
        -- The hold was made between the two statements: take it from the top.
    END LOOP;
    IF known.state IN ('released', 'expired', 'refunded') THEN
        RETURN describe_hold(tenant, reservation, 'repeated');
    ELSIF known.state = 'consumed' THEN
        RETURN describe_hold(tenant, reservation, 'consumed');
    ELSIF known.state = 'captured' AND ending <> 'refunded' THEN
        RETURN describe_hold(tenant, reservation, 'captured');
    END IF;
    origin := CASE known.state WHEN 'held' THEN 'held' ELSE 'booked' END;
    UPDATE holds SET state = ending, changed_at = at WHERE tenant_id = tenant AND reservation_id = reservation;
    UPDATE wallets
    SET available = available + known.amount, held = held - CASE origin WHEN 'held' THEN known.amount ELSE 0 END
    WHERE tenant_id = tenant AND user_id = known.user_id;
    INSERT INTO journals (tenant_id, id, idem_key, cause, user_id, reference, amount, created_at)
    VALUES (tenant, journal, 'return:' || reservation, CASE ending WHEN 'refunded' THEN 'refund' ELSE 'release' END,
        known.user_id, reservation, known.amount, at);
    WITH part AS (
        SELECT lots.id, taken.amount, coalesce(lots.expires_at <= at, false) AS too_late,
            -- A UUIDv7 of the journal's instant; its last group tells the children of one journal apart.
            overlay(journal::text PLACING left(md5(lots.id::text), 12) FROM 25)::uuid AS child
        FROM hold_allocations taken JOIN lots ON lots.tenant_id = tenant AND lots.id = taken.lot_id
        WHERE taken.tenant_id = tenant AND taken.reservation_id = reservation
    ), parents AS (
        UPDATE lots SET
            held = lots.held - CASE origin WHEN 'held' THEN part.amount ELSE 0 END,
            booked = lots.booked - CASE origin WHEN 'booked' THEN part.amount ELSE 0 END,
            remaining = lots.remaining + CASE WHEN part.too_late THEN 0 ELSE part.amount END,
            moved = lots.moved + CASE WHEN part.too_late THEN part.amount ELSE 0 END
        FROM part WHERE lots.tenant_id = tenant AND lots.id = part.id
    ), children AS (
        INSERT INTO lots (tenant_id, id, user_id, source_type, source_id, parent_lot, units, remaining, expires_at, created_at)
        SELECT tenant, part.child, known.user_id, 'return', reservation || ':' || part.id, part.id, part.amount,
            part.amount, grace_until, at
        FROM part WHERE part.too_late
    )
    INSERT INTO entries (tenant_id, journal_id, number, asset, account, lot_id, amount)
    SELECT tenant, journal, row_number() OVER (), 'CREDIT', side.account,
        CASE WHEN side.sign > 0 AND part.too_late THEN part.child ELSE part.id END, side.sign * part.amount
    FROM part, (VALUES (origin, -1), ('available', 1)) AS side (account, sign);
    RETURN describe_hold(tenant, reservation, 'done');
END $$;
