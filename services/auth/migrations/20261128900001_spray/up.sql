-- How many addresses failed lately, and how many sessions were opened: asked every half minute, also while millions of
-- guesses come in.
CREATE INDEX auth_failures_by_age ON auth_failures (realm_id, counting_since);
CREATE INDEX sessions_by_age ON sessions (realm_id, authenticated_at);
