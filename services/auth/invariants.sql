-- The promises of auth, for whoever may read all realms and tenants. Each query returns the rows that break its promise: none, when all
-- is well, at any moment between two transactions. A session whose time ran out and that nobody ended counts as one that lives.
-- Each begins with a title line, `-- A<number> what it says`, and ends with a semicolon.

-- A1 whoever is suspended or forgotten is signed in nowhere
SELECT sessions.id, sessions.user_id, users.status
FROM auth.sessions
JOIN auth.users ON users.realm_id = sessions.realm_id AND users.id = sessions.user_id
WHERE sessions.ended_at IS NULL AND users.status <> 'active';

-- A1.confirmed nobody is signed in to an account whose address nobody confirmed
SELECT sessions.id, sessions.user_id
FROM auth.sessions
JOIN auth.users ON users.realm_id = sessions.realm_id AND users.id = sessions.user_id
WHERE sessions.ended_at IS NULL AND users.kind = 'member' AND users.email_verified_at IS NULL;

-- A2 whoever is signed in to a studio is an active member of it, or at the platform's own a member of nothing
SELECT sessions.id, sessions.user_id, sessions.for_tenant, memberships.status
FROM auth.sessions
JOIN auth.users ON users.realm_id = sessions.realm_id AND users.id = sessions.user_id
LEFT JOIN auth.memberships ON memberships.tenant_id = sessions.for_tenant AND memberships.user_id = sessions.user_id
WHERE sessions.ended_at IS NULL AND memberships.status IS DISTINCT FROM 'active'
    AND NOT (sessions.for_tenant = '01920000-0000-7000-8000-000000000001'
        AND memberships.status IS DISTINCT FROM 'suspended'
        AND users.kind = 'member' AND users.email_verified_at IS NOT NULL);

-- A2.open nobody is signed in to a studio that is closed or suspended
SELECT sessions.id, sessions.for_tenant, tenants.status
FROM auth.sessions JOIN auth.tenants ON tenants.id = sessions.for_tenant
WHERE sessions.ended_at IS NULL AND tenants.status <> 'active';

-- A3 no session may idle for longer than it lasts at all
SELECT id, sliding_expires_at, absolute_expires_at
FROM auth.sessions
WHERE sliding_expires_at > absolute_expires_at;

-- A3.family what was opened by switching studios is of the person who switched
SELECT opened.id, opened.user_id, origin.user_id AS opened_by
FROM auth.session_descents
JOIN auth.sessions opened ON opened.realm_id = session_descents.realm_id AND opened.id = session_descents.session_id
JOIN auth.sessions origin ON origin.realm_id = session_descents.realm_id AND origin.id = session_descents.opened_from
WHERE opened.user_id <> origin.user_id;

-- A4 nobody looks on in a member's place without its being written down who and why
SELECT sessions.id, sessions.user_id
FROM auth.sessions
WHERE sessions.amr = 'impersonation' AND sessions.ended_at IS NULL AND NOT EXISTS (
    SELECT FROM auth.impersonations
    WHERE impersonations.tenant_id = sessions.for_tenant AND impersonations.session_id = sessions.id
        AND impersonations.user_id = sessions.user_id);

-- A5 an account that is suspended has a reason for it, and no other has
SELECT users.id, users.status, account_suspensions.suspended_at
FROM auth.users
LEFT JOIN auth.account_suspensions ON account_suspensions.realm_id = users.realm_id
    AND account_suspensions.user_id = users.id
WHERE (users.status = 'suspended') <> (account_suspensions.user_id IS NOT NULL);

-- A5.member a membership that is suspended has a reason for it, and no other has
SELECT memberships.tenant_id, memberships.user_id, memberships.status, membership_locks.locked_at
FROM auth.memberships
LEFT JOIN auth.membership_locks ON membership_locks.tenant_id = memberships.tenant_id
    AND membership_locks.user_id = memberships.user_id
WHERE (memberships.status = 'suspended') <> (membership_locks.user_id IS NOT NULL);

-- A6 an account that was forgotten tells of nobody
SELECT id, email, name
FROM auth.users
WHERE status = 'erased' AND (email <> id || '@erased.invalid' OR email_canonical <> id || '@erased.invalid' OR name <> ''
    OR password_phc IS NOT NULL);

-- A6.left of whoever was forgotten nothing is left to sign in with, to be known by, or of what they told
SELECT users.id, remains.what
FROM auth.users
JOIN (
    SELECT realm_id, user_id, 'factor' AS what FROM auth.user_factors
    UNION ALL SELECT realm_id, user_id, 'recovery code' FROM auth.recovery_codes
    UNION ALL SELECT realm_id, user_id, 'passkey handle' FROM auth.passkey_handles
    UNION ALL SELECT realm_id, user_id, 'identity' FROM auth.identities
    UNION ALL SELECT realm_id, user_id, 'known device' FROM auth.known_devices
    UNION ALL SELECT realm_id, user_id, 'remembered device' FROM auth.remembered_devices
    UNION ALL SELECT realm_id, user_id, 'profile' FROM auth.profiles
    UNION ALL SELECT realm_id, user_id, 'change of address' FROM auth.email_changes
    UNION ALL SELECT realm_id, user_id, 'place' FROM auth.past_places
) remains ON remains.realm_id = users.realm_id AND remains.user_id = users.id
WHERE users.status = 'erased' AND NOT EXISTS (
    -- What another transaction was still writing goes with the second round.
    SELECT FROM auth.erasures
    WHERE erasures.realm_id = users.realm_id AND erasures.user_id = users.id AND erasures.state = 'erasing');

-- A6.begun an erasure that was told to the other services has made the account nobody's
SELECT erasures.id, erasures.state, users.status
FROM auth.erasures
JOIN auth.users ON users.realm_id = erasures.realm_id AND users.id = erasures.user_id
WHERE erasures.state IN ('erasing', 'done') AND users.status <> 'erased';

-- A6.members every membership is somebody's whose account is there, and who was not forgotten
SELECT memberships.tenant_id, memberships.user_id, users.status
FROM auth.memberships
LEFT JOIN auth.users ON users.realm_id = memberships.realm_id AND users.id = memberships.user_id
WHERE users.id IS NULL OR (users.status = 'erased' AND NOT EXISTS (
    SELECT FROM auth.erasures
    WHERE erasures.realm_id = users.realm_id AND erasures.user_id = users.id AND erasures.state = 'erasing'));

-- A6.letters where an erasure is certified the log says no more how to address the person
SELECT events.id, events.type
FROM auth.events
JOIN auth.erasures ON erasures.user_id = events.aggregate_id AND erasures.state = 'done'
WHERE events.aggregate_type = 'user' AND events.personal IS NOT NULL;

-- A7 an account for a day has an end, no other has, and within an hour of it it is gone
SELECT id, kind, expires_at
FROM auth.users
WHERE (kind = 'temporary') <> (expires_at IS NOT NULL) OR expires_at < now() - interval '1 hour';

-- A8 of the links to choose another password one is good that was asked for on a known device, and one of all others
SELECT realm_id, user_id, device_hash, count(*) AS good
FROM auth.one_time_tokens
WHERE purpose = 'password_reset' AND consumed_at IS NULL
GROUP BY realm_id, user_id, device_hash
HAVING count(*) > 1;

-- A8.address of the links that confirm another address one is good, and leads to a change that waits for it
SELECT tokens.user_id, count(*) AS good, count(changes.id) AS waiting
FROM auth.one_time_tokens tokens
LEFT JOIN auth.email_changes changes ON changes.realm_id = tokens.realm_id AND changes.user_id = tokens.user_id
    AND changes.id::text = tokens.about ->> 'changeId' AND changes.confirmed_at IS NULL AND changes.cancelled_at IS NULL
WHERE tokens.purpose = 'email_change' AND tokens.consumed_at IS NULL
GROUP BY tokens.realm_id, tokens.user_id
HAVING count(*) <> 1 OR count(changes.id) <> 1;

-- A9 a program has its place in one studio, and no person has such a place
SELECT users.id, users.kind, count(service_accounts.user_id) AS places
FROM auth.users
LEFT JOIN auth.service_accounts ON service_accounts.user_id = users.id
GROUP BY users.realm_id, users.id, users.kind
HAVING count(service_accounts.user_id) <> CASE users.kind WHEN 'service' THEN 1 ELSE 0 END;

-- A9.keys whoever may make keys no longer has made none that is good
SELECT api_keys.tenant_id, api_keys.id, api_keys.created_by
FROM auth.api_keys
LEFT JOIN auth.memberships ON memberships.tenant_id = api_keys.tenant_id AND memberships.user_id = api_keys.created_by
    AND memberships.status = 'active'
LEFT JOIN auth.users ON users.realm_id = memberships.realm_id AND users.id = memberships.user_id
    AND users.status = 'active'
WHERE api_keys.revoked_at IS NULL AND api_keys.expires_at > now() AND (users.id IS NULL OR NOT EXISTS (
    SELECT FROM auth.membership_roles held
    JOIN auth.role_permissions allowed ON allowed.tenant_id = held.tenant_id AND allowed.role = held.role
    WHERE held.tenant_id = api_keys.tenant_id AND held.user_id = api_keys.created_by
        AND allowed.permission = 'auth.service_accounts.manage'));

-- A9.sessions what a program was let in by ends with its key, and when it is disabled
SELECT sessions.id, sessions.user_id, api_keys.revoked_at AS over_since
FROM auth.sessions
JOIN auth.api_keys ON api_keys.tenant_id = sessions.for_tenant AND api_keys.session_id = sessions.id
WHERE sessions.ended_at IS NULL AND api_keys.revoked_at IS NOT NULL
UNION ALL
SELECT sessions.id, sessions.user_id, service_accounts.disabled_at
FROM auth.sessions
JOIN auth.service_accounts ON service_accounts.tenant_id = sessions.for_tenant
    AND service_accounts.user_id = sessions.user_id
WHERE sessions.ended_at IS NULL AND service_accounts.disabled_at IS NOT NULL;

-- A10 nobody came in by an invitation without its being counted
SELECT invitations.tenant_id, invitations.id, invitations.uses, count(accepted.user_id) AS accepted
FROM auth.invitations
JOIN auth.invitation_acceptances accepted ON accepted.tenant_id = invitations.tenant_id
    AND accepted.invitation_id = invitations.id
GROUP BY invitations.tenant_id, invitations.id, invitations.uses
HAVING count(accepted.user_id) > invitations.uses;

-- A10.keys every link and code of an invitation leads to one
SELECT invitation_keys.for_tenant, invitation_keys.invitation_id
FROM auth.invitation_keys
LEFT JOIN auth.invitations ON invitations.tenant_id = invitation_keys.for_tenant
    AND invitations.id = invitation_keys.invitation_id
WHERE invitations.id IS NULL;

-- A11 no studio that is not closed is without an admin, but perhaps the one that every installation begins with
SELECT tenants.id, tenants.slug, tenants.status
FROM auth.tenants
WHERE tenants.status <> 'closed' AND tenants.id <> '01920000-0000-7000-8000-000000000001' AND NOT EXISTS (
    SELECT FROM auth.memberships
    JOIN auth.membership_roles ON membership_roles.tenant_id = memberships.tenant_id
        AND membership_roles.user_id = memberships.user_id
    WHERE memberships.tenant_id = tenants.id AND memberships.status = 'active' AND membership_roles.role = 'admin');

-- A11.whole every studio has its realm, its settings and the roles of the system
SELECT tenants.id, tenants.slug
FROM auth.tenants
LEFT JOIN auth.tenant_realms ON tenant_realms.tenant_id = tenants.id
LEFT JOIN auth.tenant_settings ON tenant_settings.tenant_id = tenants.id
WHERE tenant_realms.tenant_id IS NULL OR tenant_settings.tenant_id IS NULL OR 5 <> (
    SELECT count(*) FROM auth.roles
    WHERE roles.tenant_id = tenants.id AND roles.system
        AND roles.name IN ('admin', 'manager', 'coach', 'moderator', 'member'));

-- A12 the links of every trail are numbered without a gap, and each names the one before it
SELECT tenant_id, seq
FROM (
    SELECT tenant_id, seq, prev_hash, lag(seq) OVER trail AS seq_before, lag(hash) OVER trail AS hash_before
    FROM auth.audit_seals WINDOW trail AS (PARTITION BY tenant_id ORDER BY seq)
) links
WHERE seq <> coalesce(seq_before, 0) + 1 OR prev_hash <> coalesce(hash_before, decode(repeat('00', 32), 'hex'));

-- A12.sealed every link seals an entry that is there, and where it stands
SELECT seals.tenant_id, seals.seq
FROM auth.audit_seals seals
LEFT JOIN auth.audit_events events ON events.tenant_id = seals.tenant_id AND events.id = seals.event_id
WHERE events.id IS NULL OR events.transaction <> seals.transaction OR events.number <> seals.number;

-- A12.added no entry stands before the last link without one of its own
SELECT events.tenant_id, events.id
FROM auth.audit_events events
JOIN (
    SELECT DISTINCT ON (tenant_id) tenant_id, transaction, number FROM auth.audit_seals ORDER BY tenant_id, seq DESC
) last ON last.tenant_id = events.tenant_id
WHERE (events.transaction, events.number) <= (last.transaction, last.number) AND NOT EXISTS (
    SELECT FROM auth.audit_seals seals WHERE seals.tenant_id = events.tenant_id AND seals.event_id = events.id);

-- A12.signed the last link of every trail is the one that was signed last
SELECT coalesce(last.tenant_id, signed.tenant_id) AS tenant_id, last.seq, signed.seq AS signed_seq
FROM (
    SELECT DISTINCT ON (tenant_id) tenant_id, seq, hash FROM auth.audit_seals ORDER BY tenant_id, seq DESC
) last
FULL JOIN (
    SELECT DISTINCT ON (tenant_id) tenant_id, seq, hash FROM auth.audit_checkpoints
    ORDER BY tenant_id, seq DESC, made_at DESC
) signed ON signed.tenant_id = last.tenant_id
WHERE last.seq IS DISTINCT FROM signed.seq OR last.hash IS DISTINCT FROM signed.hash;

-- A12.tenant every entry stands in the trail of a studio that there is
SELECT events.tenant_id, events.id
FROM auth.audit_events events LEFT JOIN auth.tenants ON tenants.id = events.tenant_id
WHERE tenants.id IS NULL;

-- A13 a second factor is a passkey where there is the key of one
SELECT user_factors.user_id, user_factors.id, user_factors.kind
FROM auth.user_factors
LEFT JOIN auth.passkeys ON passkeys.realm_id = user_factors.realm_id AND passkeys.user_id = user_factors.user_id
    AND passkeys.id = user_factors.id
WHERE (user_factors.kind = 'passkey') <> (passkeys.id IS NOT NULL);

-- A14 every request to sign up that nobody has answered yet has the job that will
SELECT signups.id, signups.created_at
FROM auth.signups
LEFT JOIN auth.jobs ON jobs.name IN ('settle_signup', 'settle_upgrade') AND jobs.dead_at IS NULL
    AND jobs.payload ->> 'signup_id' = signups.id::text
WHERE signups.settled_at IS NULL AND jobs.id IS NULL;
