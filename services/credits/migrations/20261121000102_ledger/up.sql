-- A member's credits in one studio: the sum of their lots, and the row that everything about them locks first.
CREATE TABLE wallets (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- Includes units of lots whose time is over until `expire_lot` has moved them.
    available integer NOT NULL CHECK (available >= 0),
    held integer NOT NULL CHECK (held >= 0),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) WITH (fillfactor = 80);

SELECT protect_by_tenant('wallets');

-- Credits that were granted together and expire together. Every unit of a lot is in exactly one place at any time.
CREATE TABLE lots (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    source_type text NOT NULL CHECK (source_type IN ('payment', 'grant', 'return')),
    -- The payment, the operator's reference, or `<reservation>:<parent lot>`.
    source_id text NOT NULL,
    -- For a `return`: the expired lot whose units live on here for a period of grace.
    parent_lot uuid,
    units integer NOT NULL CHECK (units > 0),
    remaining integer NOT NULL CHECK (remaining >= 0),
    held integer NOT NULL DEFAULT 0 CHECK (held >= 0),
    booked integer NOT NULL DEFAULT 0 CHECK (booked >= 0),
    consumed integer NOT NULL DEFAULT 0 CHECK (consumed >= 0),
    expired integer NOT NULL DEFAULT 0 CHECK (expired >= 0),
    -- Given back after the lot had expired: these live on in child lots.
    moved integer NOT NULL DEFAULT 0 CHECK (moved >= 0),
    -- From this very instant on the units cannot be spent. Null: never.
    expires_at timestamptz,
    -- `expire_lot` has been here.
    lapsed boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    -- A source grants once, however often it is told.
    CONSTRAINT lots_one_per_source UNIQUE (tenant_id, source_type, source_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES wallets (tenant_id, user_id),
    FOREIGN KEY (tenant_id, parent_lot) REFERENCES lots (tenant_id, id),
    CONSTRAINT lots_parent_of_returns CHECK ((parent_lot IS NOT NULL) = (source_type = 'return')),
    CONSTRAINT lots_every_unit_somewhere CHECK (units = remaining + held + booked + consumed + expired + moved),
    CONSTRAINT lots_lapse_empty CHECK (NOT lapsed OR (remaining = 0 AND expires_at IS NOT NULL))
) WITH (fillfactor = 80);

-- The order in which credits are spent: soonest expiry first, those that never expire last, then by id. No index of this
-- table speaks of a number of units, so that moving units touches no index.
CREATE INDEX lots_spending_order ON lots (tenant_id, user_id, expires_at, id);
CREATE INDEX lots_lapsing ON lots (tenant_id, expires_at) WHERE NOT lapsed;

SELECT protect_by_tenant('lots');

-- One thing that happened to a member's credits. Its entries say what moved where; nothing here is ever changed.
CREATE TABLE journals (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    -- Names the cause, so that it is booked once.
    idem_key text NOT NULL,
    cause text NOT NULL CHECK (
        cause IN ('purchase', 'hold', 'release', 'deduction', 'refund', 'expiry', 'adjustment', 'consumption')
    ),
    user_id uuid NOT NULL,
    -- What the member is told it was about: a payment, a reservation, a lot.
    reference text NOT NULL,
    -- What it did to what the member can spend; what they spent, for a deduction.
    amount integer NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT journals_once UNIQUE (tenant_id, idem_key),
    FOREIGN KEY (tenant_id, user_id) REFERENCES wallets (tenant_id, user_id)
);

CREATE INDEX journals_by_user ON journals (tenant_id, user_id, created_at DESC, id DESC);

SELECT protect_by_tenant('journals');

-- One side of a movement: `amount` into an account when positive, out of it when negative.
CREATE TABLE entries (
    tenant_id uuid NOT NULL,
    journal_id uuid NOT NULL,
    number smallint NOT NULL,
    -- `CREDIT`, or the ISO 4217 code of money.
    asset text NOT NULL CHECK (asset = 'CREDIT' OR asset ~ '^[A-Z]{3}$'),
    account text NOT NULL,
    -- The lot whose units moved. Null for money and for the issuing side of a grant.
    lot_id uuid,
    amount bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (tenant_id, journal_id, number),
    FOREIGN KEY (tenant_id, journal_id) REFERENCES journals (tenant_id, id),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES lots (tenant_id, id),
    CONSTRAINT entries_account_of_asset CHECK (
        CASE WHEN asset = 'CREDIT'
            THEN account IN ('issued', 'available', 'held', 'booked', 'consumed', 'expired')
            ELSE account IN ('stripe_clearing', 'customer_prepaid')
        END
    ),
    CONSTRAINT entries_lot_of_units CHECK ((lot_id IS NOT NULL) = (asset = 'CREDIT' AND account <> 'issued'))
);

SELECT protect_by_tenant('entries');

-- Double entry: at the commit every journal sums to zero in each of its assets.
CREATE FUNCTION require_balanced_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM entries WHERE tenant_id = NEW.tenant_id AND journal_id = NEW.journal_id
    GROUP BY asset HAVING sum(amount) <> 0;
    IF FOUND THEN
        RAISE EXCEPTION 'journal % is not balanced', NEW.journal_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journals_balanced';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER journals_balanced AFTER INSERT ON entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balanced_journal();

-- Default privileges let the running service update and delete. Not here: what is booked stays, a mistake is corrected by
-- another journal. A statement that would touch no row is refused as well.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON journals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Adds a lot to a wallet, which it opens when needed. Returns false, and changes nothing, when the source has granted before.
-- The caller adds the money side of a purchase to the same journal.
CREATE FUNCTION grant_credits(
    tenant uuid, holder uuid, new_lot uuid, source text, reference text, quantity integer, ends_at timestamptz,
    journal uuid, at timestamptz
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallets (tenant_id, user_id, available, held, created_at) VALUES (tenant, holder, 0, 0, at)
    ON CONFLICT DO NOTHING;
    PERFORM FROM wallets WHERE tenant_id = tenant AND user_id = holder FOR UPDATE;
    INSERT INTO lots (tenant_id, id, user_id, source_type, source_id, units, remaining, expires_at, created_at)
    VALUES (tenant, new_lot, holder, source, reference, quantity, quantity, ends_at, at)
    ON CONFLICT ON CONSTRAINT lots_one_per_source DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE wallets SET available = available + quantity WHERE tenant_id = tenant AND user_id = holder;
    INSERT INTO journals (tenant_id, id, idem_key, cause, user_id, reference, amount, created_at)
    VALUES (tenant, journal, source || ':' || reference,
        CASE source WHEN 'payment' THEN 'purchase' ELSE 'adjustment' END, holder, reference, quantity, at);
    INSERT INTO entries (tenant_id, journal_id, number, asset, account, lot_id, amount) VALUES
        (tenant, journal, 1, 'CREDIT', 'issued', NULL, -quantity),
        (tenant, journal, 2, 'CREDIT', 'available', new_lot, quantity);
    RETURN true;
END $$;

-- Takes what is left of a lot whose time is over. Returns how many units; zero when there is nothing to take.
CREATE FUNCTION expire_lot(tenant uuid, lot uuid, journal uuid, at timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    holder uuid;
    lost integer;
BEGIN
    SELECT user_id INTO holder FROM lots WHERE tenant_id = tenant AND id = lot;
    PERFORM FROM wallets WHERE tenant_id = tenant AND user_id = holder FOR UPDATE;
    -- Read only now: under the wallet's lock nobody else moves units of its lots.
    SELECT remaining INTO lost FROM lots WHERE tenant_id = tenant AND id = lot AND NOT lapsed AND expires_at <= at;
    IF lost IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE lots SET remaining = 0, expired = expired + lost, lapsed = true WHERE tenant_id = tenant AND id = lot;
    IF lost > 0 THEN
        UPDATE wallets SET available = available - lost WHERE tenant_id = tenant AND user_id = holder;
        INSERT INTO journals (tenant_id, id, idem_key, cause, user_id, reference, amount, created_at)
        VALUES (tenant, journal, 'expiry:' || lot, 'expiry', holder, lot, -lost, at);
        INSERT INTO entries (tenant_id, journal_id, number, asset, account, lot_id, amount) VALUES
            (tenant, journal, 1, 'CREDIT', 'available', lot, -lost),
            (tenant, journal, 2, 'CREDIT', 'expired', lot, lost);
    END IF;
    RETURN lost;
END $$;
