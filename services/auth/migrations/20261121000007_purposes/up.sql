-- What a token may be for and what an audit entry may be about is a closed set in the code, which writes nothing else.
-- Naming it here a second time made every new kind a migration of a large table.
ALTER TABLE one_time_tokens DROP CONSTRAINT one_time_tokens_purpose_check;
ALTER TABLE audit_events DROP CONSTRAINT audit_events_subject_type_check;

-- What a token says beyond whom it is for: the address that it confirms, the challenge that it answers.
ALTER TABLE one_time_tokens ADD COLUMN about jsonb;
