-- An account's way from one address to another. The proof of the new address is good for this account, this session and
-- this address alone; the old address can take the account back for a week.
CREATE TABLE email_changes (
    realm_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    for_tenant uuid NOT NULL,
    old_email text NOT NULL,
    new_email text NOT NULL,
    requested_at timestamptz NOT NULL,
    -- At most one of these two is set first: confirmed, or given up for a newer request, another password, the end of its
    -- session.
    confirmed_at timestamptz,
    cancelled_at timestamptz,
    -- Taken back by the old address, or overtaken by one that was.
    undone_at timestamptz,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE,
    CHECK (confirmed_at IS NULL OR cancelled_at IS NULL),
    CHECK (undone_at IS NULL OR confirmed_at IS NOT NULL)
);

CREATE INDEX email_changes_by_user ON email_changes (realm_id, user_id);
CREATE INDEX email_changes_by_age ON email_changes (realm_id, requested_at);

SELECT protect_by_realm('email_changes');
