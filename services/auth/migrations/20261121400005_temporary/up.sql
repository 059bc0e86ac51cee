-- What a banned person came with, as keyed digests: whoever reads the table cannot tell a device or a network from it.
CREATE TABLE bans (
    tenant_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    -- One ban may name several fingerprints.
    ban_id uuid NOT NULL,
    reason text NOT NULL,
    banned_at timestamptz NOT NULL,
    -- Null: for good.
    until timestamptz,
    PRIMARY KEY (tenant_id, fingerprint)
);

CREATE INDEX bans_by_id ON bans (tenant_id, ban_id);

SELECT protect_by_tenant('bans');

-- Accounts that a bot made for somebody of its server, for a day.
CREATE TABLE discord_links (
    realm_id uuid NOT NULL,
    discord_id text NOT NULL,
    user_id uuid NOT NULL,
    for_tenant uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, discord_id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

CREATE INDEX discord_links_by_user ON discord_links (realm_id, user_id);
CREATE INDEX users_by_expiry ON users (realm_id, expires_at) WHERE expires_at IS NOT NULL;

SELECT protect_by_realm('discord_links');

COMMENT ON COLUMN bans.fingerprint IS 'personal: keeping out who was banned, by a keyed digest; legitimate interest; until the ban ends';
COMMENT ON COLUMN bans.reason IS 'personal: accounting for a ban; legitimate interest; until the ban ends';
COMMENT ON COLUMN discord_links.discord_id IS 'personal: one account for each member of a Discord server; contract; one day';
