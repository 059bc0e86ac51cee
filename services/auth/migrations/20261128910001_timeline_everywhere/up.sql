-- Accounts and sessions are the realm's, so a person reads what the trails of all studios tell them about their own account,
-- those that they have left among them, and nothing else of any. Like what they are anywhere (`own_memberships`) it is seen
-- by the one question for which the setting is made, and by no other.
CREATE POLICY own_audit_events ON audit_events FOR SELECT
    USING (told_to = nullif(current_setting('app.person_id', true), '')::uuid);

-- `transaction` and `number` are handed out to all studios together: they order a person's entries wherever those stand.
CREATE INDEX audit_events_by_person ON audit_events (told_to, transaction, number) WHERE told_to IS NOT NULL;
DROP INDEX audit_events_by_timeline;
