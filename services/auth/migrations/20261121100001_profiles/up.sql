-- What somebody tells about themselves beyond a name and a language. No row: nothing told yet.
CREATE TABLE profiles (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    -- A picture that media keeps.
    avatar_id uuid,
    bio text,
    -- IANA name. Null: the tenant's.
    time_zone text,
    -- Both belong to the clients: objects that are kept as they are, and bounded in size.
    preferences jsonb NOT NULL,
    onboarding jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, user_id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('profiles');

-- What its owner calls the device that a session is on.
ALTER TABLE session_places ADD COLUMN device_name text;
