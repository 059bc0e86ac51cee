-- What is purged is over by either of its ends, so that no index of one of them finds it, and nothing else asks by when a session
-- ends. Every sign-in paid for it.
DROP INDEX sessions_by_expiry;
