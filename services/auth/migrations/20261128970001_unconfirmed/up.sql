-- Accounts whose address nobody confirmed are looked through for those that nobody will confirm any more.
CREATE INDEX users_unconfirmed ON users (realm_id, created_at)
    WHERE kind = 'member' AND email_verified_at IS NULL AND status <> 'erased';
