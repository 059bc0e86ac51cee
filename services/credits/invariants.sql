-- The promises of the ledger. Each query returns the rows that break its promise: none, when all is well.
-- A title line `-- I<number> what it says` begins a query; a semicolon ends it. The numbers are those of the design page.

-- I4 every hold of units says exactly which lots they come from
SELECT holds.tenant_id, holds.reservation_id, holds.amount, coalesce(sum(taken.amount), 0) AS allocated
FROM credits.holds LEFT JOIN credits.hold_allocations taken USING (tenant_id, reservation_id)
GROUP BY holds.tenant_id, holds.reservation_id, holds.amount
HAVING holds.amount <> coalesce(sum(taken.amount), 0);

-- I4.lots what lots have in hand for reservations is what the holds say
SELECT lots.tenant_id, lots.id, lots.held, lots.booked, lots.consumed,
    coalesce(sum(taken.amount) FILTER (WHERE holds.state = 'held'), 0) AS held_by_holds,
    coalesce(sum(taken.amount) FILTER (WHERE holds.state = 'captured'), 0) AS booked_by_holds,
    coalesce(sum(taken.amount) FILTER (WHERE holds.state = 'consumed'), 0) AS consumed_by_holds
FROM credits.lots
LEFT JOIN credits.hold_allocations taken ON taken.tenant_id = lots.tenant_id AND taken.lot_id = lots.id
LEFT JOIN credits.holds ON holds.tenant_id = taken.tenant_id AND holds.reservation_id = taken.reservation_id
GROUP BY lots.tenant_id, lots.id
HAVING lots.held <> coalesce(sum(taken.amount) FILTER (WHERE holds.state = 'held'), 0)
    OR lots.booked <> coalesce(sum(taken.amount) FILTER (WHERE holds.state = 'captured'), 0)
    OR lots.consumed <> coalesce(sum(taken.amount) FILTER (WHERE holds.state = 'consumed'), 0);

-- I4.owner a hold takes from its member's lots alone
SELECT taken.tenant_id, taken.reservation_id, taken.lot_id
FROM credits.hold_allocations taken
JOIN credits.holds USING (tenant_id, reservation_id)
JOIN credits.lots ON lots.tenant_id = taken.tenant_id AND lots.id = taken.lot_id
WHERE lots.user_id IS DISTINCT FROM holds.user_id;

-- I5 every unit of a lot is somewhere
SELECT tenant_id, id FROM credits.lots
WHERE units <> remaining + held + booked + consumed + expired + moved;

-- I5.children units that left an expired lot live on in its children
SELECT parent.tenant_id, parent.id, parent.moved, coalesce(sum(child.units), 0) AS in_children
FROM credits.lots parent
LEFT JOIN credits.lots child ON child.tenant_id = parent.tenant_id AND child.parent_lot = parent.id
GROUP BY parent.tenant_id, parent.id
HAVING parent.moved <> coalesce(sum(child.units), 0);

-- I5.ledger the journal tells of every lot what the lot says of itself
SELECT lots.tenant_id, lots.id
FROM credits.lots LEFT JOIN credits.entries ON entries.tenant_id = lots.tenant_id AND entries.lot_id = lots.id
GROUP BY lots.tenant_id, lots.id
HAVING lots.remaining <> coalesce(sum(entries.amount) FILTER (WHERE account = 'available'), 0)
    OR lots.held <> coalesce(sum(entries.amount) FILTER (WHERE account = 'held'), 0)
    OR lots.booked <> coalesce(sum(entries.amount) FILTER (WHERE account = 'booked'), 0)
    OR lots.consumed <> coalesce(sum(entries.amount) FILTER (WHERE account = 'consumed'), 0)
    OR lots.expired <> coalesce(sum(entries.amount) FILTER (WHERE account = 'expired'), 0);

-- I6 a wallet is the sum of its lots
SELECT wallets.tenant_id, wallets.user_id, wallets.available, wallets.held,
    coalesce(sum(lots.remaining), 0) AS remaining, coalesce(sum(lots.held), 0) AS held_in_lots
FROM credits.wallets LEFT JOIN credits.lots USING (tenant_id, user_id)
GROUP BY wallets.tenant_id, wallets.user_id, wallets.available, wallets.held
HAVING wallets.available <> coalesce(sum(lots.remaining), 0) OR wallets.held <> coalesce(sum(lots.held), 0);

-- I6.negative nothing is negative
SELECT tenant_id, id FROM credits.lots
WHERE least(remaining, held, booked, consumed, expired, moved) < 0
UNION ALL
SELECT tenant_id, user_id FROM credits.wallets WHERE least(available, held) < 0;

-- I7 every journal sums to zero in each of its assets
SELECT tenant_id, journal_id, asset, sum(amount) FROM credits.entries
GROUP BY tenant_id, journal_id, asset HAVING sum(amount) <> 0;

-- I7.entries a journal without entries says nothing
SELECT journals.tenant_id, journals.id FROM credits.journals
WHERE NOT EXISTS (
    SELECT FROM credits.entries WHERE entries.tenant_id = journals.tenant_id AND entries.journal_id = journals.id);

-- I7.amounts what a member is told about a journal is what it booked
SELECT journals.tenant_id, journals.id, journals.cause, journals.amount
FROM credits.journals JOIN credits.entries ON entries.tenant_id = journals.tenant_id AND entries.journal_id = journals.id
GROUP BY journals.tenant_id, journals.id, journals.cause, journals.amount
HAVING journals.amount <> CASE journals.cause
    WHEN 'deduction' THEN -coalesce(sum(entries.amount) FILTER (WHERE account = 'booked'), 0)
    ELSE coalesce(sum(entries.amount) FILTER (WHERE account = 'available'), 0) END;

-- I8 a paid payment granted one lot of exactly what was bought
SELECT payments.tenant_id, payments.id FROM credits.payments
LEFT JOIN credits.lots ON lots.tenant_id = payments.tenant_id AND lots.source_type = 'payment'
    AND lots.source_id = payments.id::text
WHERE payments.status = 'paid' AND (lots.id IS NULL OR lots.id <> payments.lot_id
    OR lots.units <> payments.credits OR lots.user_id <> payments.user_id);

-- I8.unpaid no lot stands for a payment that was not paid
SELECT lots.tenant_id, lots.id FROM credits.lots
LEFT JOIN credits.payments ON payments.tenant_id = lots.tenant_id AND payments.id::text = lots.source_id
    AND payments.status = 'paid'
WHERE lots.source_type = 'payment' AND payments.id IS NULL;

-- I8.money a purchase booked the money that was paid
SELECT payments.tenant_id, payments.id FROM credits.payments
LEFT JOIN credits.journals ON journals.tenant_id = payments.tenant_id
    AND journals.idem_key = 'payment:' || payments.id
LEFT JOIN credits.entries ON entries.tenant_id = journals.tenant_id AND entries.journal_id = journals.id
    AND entries.account = 'stripe_clearing'
WHERE payments.status = 'paid'
    AND (entries.amount IS DISTINCT FROM payments.amount_minor OR entries.asset IS DISTINCT FROM payments.currency);
