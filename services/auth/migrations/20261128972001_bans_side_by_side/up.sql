-- Bans stand side by side: one that ends, or is lifted, leaves what another one says of the same fingerprint.
ALTER TABLE bans DROP CONSTRAINT bans_pkey;
DROP INDEX bans_by_id;
ALTER TABLE bans ADD PRIMARY KEY (tenant_id, ban_id, fingerprint);
-- At every sign-in: is any of these banned?
CREATE INDEX bans_by_fingerprint ON bans (tenant_id, fingerprint);

-- Null in rows of before: it was not noted.
ALTER TABLE bans ADD COLUMN kind text, ADD COLUMN banned_by jsonb;

COMMENT ON COLUMN bans.kind IS 'technical: whether a fingerprint is of an account, a device, a network or surroundings';
COMMENT ON COLUMN bans.banned_by IS 'technical: ids alone';
-- An account has a fingerprint like a device.
COMMENT ON COLUMN bans.fingerprint IS 'personal: keeping out who was banned, by a keyed digest; legitimate interest; until the ban ends, of an account until it is erased';
