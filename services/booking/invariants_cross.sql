-- The promises that booking and credits keep together, for whoever may read both schemas. Each query returns the rows
-- that break its promise. What changed less than a minute ago may still be on its way; `SET invariants.lag = '0'`
-- before asking, where everything is known to have settled.

-- I4 what is confirmed and has a price has exactly one hold, of that price, that is held, captured or consumed
SELECT reservations.tenant_id, reservations.id, reservations.status, reservations.credits, holds.state, holds.amount
FROM booking.reservations
LEFT JOIN credits.holds ON holds.tenant_id = reservations.tenant_id AND holds.reservation_id = reservations.id
WHERE reservations.credits > 0
    AND reservations.status IN ('confirmed', 'attended', 'no_show', 'late_cancelled')
    AND reservations.changed_at < now() - coalesce(nullif(current_setting('invariants.lag', true), ''), '60 s')::interval
    AND (holds.reservation_id IS NULL OR holds.state NOT IN ('held', 'captured', 'consumed')
        OR holds.amount <> reservations.credits OR holds.user_id <> reservations.customer_id);

-- I4.paid what is confirmed or cancelled late has been paid for
SELECT reservations.tenant_id, reservations.id, reservations.status, holds.state
FROM booking.reservations
JOIN credits.holds ON holds.tenant_id = reservations.tenant_id AND holds.reservation_id = reservations.id
WHERE reservations.changed_at < now() - coalesce(nullif(current_setting('invariants.lag', true), ''), '60 s')::interval
    AND ((reservations.status = 'confirmed' AND holds.state <> 'captured')
        OR (reservations.status = 'late_cancelled' AND holds.state <> 'consumed'));

-- I4.free nobody pays for what came to nothing, was cancelled in time, or never was
SELECT holds.tenant_id, holds.reservation_id, holds.state, holds.amount, reservations.status
FROM credits.holds
LEFT JOIN booking.reservations ON reservations.tenant_id = holds.tenant_id AND reservations.id = holds.reservation_id
WHERE holds.state IN ('held', 'captured', 'consumed')
    AND holds.changed_at < now() - coalesce(nullif(current_setting('invariants.lag', true), ''), '60 s')::interval
    AND coalesce(reservations.changed_at, holds.changed_at)
        < now() - coalesce(nullif(current_setting('invariants.lag', true), ''), '60 s')::interval
    AND coalesce(reservations.status, 'none') NOT IN ('pending', 'confirmed', 'attended', 'no_show', 'late_cancelled');
