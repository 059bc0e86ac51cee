-- The promises of booking. Each query returns the rows that break its promise: none, when all is well.
-- A title line `-- I<number> what it says` begins a query; a semicolon ends it. The numbers are those of the design page.

-- I1 the taken seats of a session are those of its active reservations, and no more than it has
SELECT sessions.tenant_id, sessions.id, sessions.capacity, sessions.taken, coalesce(sum(active.seats), 0) AS reserved
FROM booking.sessions
LEFT JOIN booking.reservations active ON active.tenant_id = sessions.tenant_id AND active.session_id = sessions.id
    AND active.status IN ('pending', 'confirmed', 'attended', 'no_show')
GROUP BY sessions.tenant_id, sessions.id, sessions.capacity, sessions.taken
HAVING sessions.taken <> coalesce(sum(active.seats), 0) OR sessions.taken > sessions.capacity;

-- I3 nobody has two active reservations of one session
SELECT tenant_id, session_id, customer_id, count(*) AS active
FROM booking.reservations
WHERE status IN ('pending', 'confirmed', 'attended', 'no_show')
GROUP BY tenant_id, session_id, customer_id
HAVING count(*) > 1;

-- I4.price what a reservation costs is what its session costs, and no more than that is given back
SELECT reservations.tenant_id, reservations.id, reservations.credits, reservations.credits_refunded
FROM booking.reservations
JOIN booking.sessions ON sessions.tenant_id = reservations.tenant_id AND sessions.id = reservations.session_id
WHERE reservations.credits <> sessions.credit_cost * reservations.seats
    OR reservations.credits_refunded NOT BETWEEN 0 AND reservations.credits
    OR (reservations.credits_refunded > 0 AND reservations.status NOT IN ('cancelled', 'studio_cancelled'));

-- I4.driven every pending reservation has the job that will settle it
SELECT reservations.tenant_id, reservations.id
FROM booking.reservations
LEFT JOIN booking.jobs ON jobs.name = 'settle_reservation' AND jobs.key = reservations.id::text
    AND jobs.dead_at IS NULL
WHERE reservations.status = 'pending' AND jobs.id IS NULL;

-- I11 a reservation that was confirmed says when, and one that came to nothing never was
SELECT tenant_id, id, status, confirmed_at
FROM booking.reservations
WHERE (status IN ('pending', 'rejected', 'expired') AND confirmed_at IS NOT NULL)
    OR (status IN ('confirmed', 'late_cancelled', 'attended', 'no_show') AND confirmed_at IS NULL);

-- I11.end the last that was told about a reservation is what it is
SELECT reservations.tenant_id, reservations.id, reservations.status, last.type
FROM booking.reservations
JOIN booking.event_heads head ON head.aggregate_type = 'reservation' AND head.aggregate_id = reservations.id
JOIN booking.events last ON last.aggregate_type = head.aggregate_type AND last.aggregate_id = head.aggregate_id
    AND last.aggregate_seq = head.seq
WHERE CASE last.type
    WHEN 'reservation.confirmed' THEN reservations.status NOT IN ('confirmed', 'attended', 'no_show')
    WHEN 'reservation.rejected' THEN reservations.status NOT IN ('rejected', 'expired')
    WHEN 'reservation.cancelled' THEN reservations.status NOT IN ('cancelled', 'late_cancelled')
    ELSE true
END;

-- I11.once a reservation is confirmed at most once, and ends at most once
SELECT aggregate_id, count(*) AS told
FROM booking.events
WHERE aggregate_type = 'reservation'
GROUP BY aggregate_id
HAVING count(*) FILTER (WHERE type = 'reservation.confirmed') > 1
    OR count(*) FILTER (WHERE type IN ('reservation.rejected', 'reservation.cancelled')) > 1;

-- I13 a reservation lies in its session's tenant, and a session in its class's
SELECT reservations.tenant_id, reservations.id
FROM booking.reservations
LEFT JOIN booking.sessions ON sessions.tenant_id = reservations.tenant_id AND sessions.id = reservations.session_id
LEFT JOIN booking.classes ON classes.tenant_id = sessions.tenant_id AND classes.id = sessions.class_id
WHERE classes.id IS NULL;
