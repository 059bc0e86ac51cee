-- Where sessions that are over were used from, for the timeline. A session's place is moved here when the session is purged, so that
-- neither a sign-in nor the fence that every refresh passes has anything to do with it.
CREATE TABLE past_places (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    over_at timestamptz NOT NULL,
    user_agent text,
    ip_prefix text NOT NULL,
    device_name text,
    -- Network and user agent of the last rotation, as a digest. Only of a session that ran out by itself: whoever was shut out is
    -- not known again.
    surroundings_hash bytea,
    PRIMARY KEY (realm_id, user_id, session_id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX past_places_by_end ON past_places (realm_id, over_at);

SELECT protect_by_realm('past_places');
SELECT protect_by_person('past_places');

COMMENT ON COLUMN past_places.user_id IS 'technical: id of whose row it is';
COMMENT ON COLUMN past_places.session_id IS 'technical: id of a session';
COMMENT ON COLUMN past_places.user_agent IS 'personal: showing the person where they were signed in; legitimate interest; ninety days after the session ends';
COMMENT ON COLUMN past_places.ip_prefix IS 'personal: showing the person where they were signed in; legitimate interest; ninety days after the session ends';
COMMENT ON COLUMN past_places.device_name IS 'personal: what the person called a device; contract; ninety days after the session ends';
COMMENT ON COLUMN past_places.surroundings_hash IS 'personal: telling the person of sign-ins from elsewhere; legitimate interest; ninety days after the session ends';
