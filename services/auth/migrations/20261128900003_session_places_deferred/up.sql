-- A session and its place are sent together: which of them is written first is not promised.
ALTER TABLE session_places ALTER CONSTRAINT session_places_realm_id_session_id_fkey DEFERRABLE INITIALLY DEFERRED;
