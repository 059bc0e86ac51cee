-- Asked are a person's and a realm's entries alone. Most entries are of sessions, which are opened and rotated all the time.
DROP INDEX audit_events_by_subject;
CREATE INDEX audit_events_by_subject ON audit_events (tenant_id, subject_id) WHERE subject_type IN ('user', 'realm');
