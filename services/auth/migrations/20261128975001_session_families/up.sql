-- Which session one was opened from, by switching studios, and the first of those that were opened from one another: with one that
-- is ended goes what was opened from it. Null of one that somebody signed in to. No foreign keys: the row of one that idled away is
-- gone while those that were opened from it live.
ALTER TABLE sessions
    ADD COLUMN opened_from uuid,
    ADD COLUMN family uuid,
    ADD CONSTRAINT sessions_family_check CHECK ((opened_from IS NULL) = (family IS NULL));

CREATE INDEX sessions_by_family ON sessions (realm_id, family) WHERE family IS NOT NULL;

COMMENT ON COLUMN sessions.opened_from IS 'technical: id of a session';
COMMENT ON COLUMN sessions.family IS 'technical: id of a session';
