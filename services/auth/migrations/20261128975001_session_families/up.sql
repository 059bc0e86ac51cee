-- Which session one was opened from, by switching studios, and the first of those that were opened from one another: with one that
-- is ended goes what was opened from it. One that somebody signed in to has no row here. `opened_from` and `family` are no foreign
-- keys: the row of a session that idled away is gone while those that were opened from it live.
CREATE TABLE session_descents (
    realm_id uuid NOT NULL,
    session_id uuid NOT NULL,
    opened_from uuid NOT NULL,
    family uuid NOT NULL,
    PRIMARY KEY (realm_id, session_id),
    FOREIGN KEY (realm_id, session_id) REFERENCES sessions (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX session_descents_by_family ON session_descents (realm_id, family);

SELECT protect_by_realm('session_descents');

COMMENT ON COLUMN session_descents.session_id IS 'technical: id of a session';
COMMENT ON COLUMN session_descents.opened_from IS 'technical: id of a session';
COMMENT ON COLUMN session_descents.family IS 'technical: id of a session';
