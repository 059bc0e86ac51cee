-- Nothing reads by it: row-level security lets no expression be an index condition that is not leakproof, and `->>` is not. Every entry
-- paid for it.
DROP INDEX audit_events_by_actor;
