-- What the register of processing says of the columns that came meanwhile.
COMMENT ON COLUMN email_changes.new_email IS 'personal: moving an account to another address; contract; thirty days';
COMMENT ON COLUMN email_changes.old_email IS 'personal: taking a moved address back; contract; thirty days';
COMMENT ON COLUMN identities.issuer IS 'personal: who vouches for the person; contract; until the account is erased or the identity unlinked';
COMMENT ON COLUMN identities.provider IS 'personal: who vouches for the person; contract; until the account is erased or the identity unlinked';
COMMENT ON COLUMN identities.subject IS 'personal: recognising the person at sign-in through a provider; contract; until the account is erased or the identity unlinked';
COMMENT ON COLUMN oauth_attempts.device_hash IS 'personal: binding a step of signing in to its device; legitimate interest; until it expires';
COMMENT ON COLUMN oauth_attempts.identity_sealed IS 'personal: who the provider says the person is, until they finish signing in; contract; until it expires';
COMMENT ON COLUMN oauth_attempts.locale IS 'personal: writing in the person''s language; contract; until it expires';
COMMENT ON COLUMN profiles.bio IS 'personal: what the person tells about themselves; contract; until the account is erased';
COMMENT ON COLUMN profiles.onboarding IS 'personal: what the person answered when they began; contract; until the account is erased';
COMMENT ON COLUMN profiles.preferences IS 'personal: how the person likes the platform; contract; until the account is erased';
COMMENT ON COLUMN profiles.time_zone IS 'personal: telling times as the person reads them; contract; until the account is erased';
COMMENT ON COLUMN recovery_codes.code_hash IS 'personal: checking the second factor; contract; until the account is erased';
COMMENT ON COLUMN remembered_devices.device_hash IS 'personal: leaving the second factor out on a device of the person; contract; thirty days';
COMMENT ON COLUMN remembered_devices.token_hash IS 'personal: leaving the second factor out on a device of the person; contract; thirty days';
COMMENT ON COLUMN remembered_devices.user_agent IS 'personal: showing the person which devices are remembered; legitimate interest; thirty days';
COMMENT ON COLUMN session_places.device_name IS 'personal: what the person calls a device; contract; one day after the session ends';

COMMENT ON COLUMN disabled_providers.provider IS 'technical: name of a provider';
COMMENT ON COLUMN oauth_attempts.code_challenge IS 'technical: digest of a random text';
COMMENT ON COLUMN oauth_attempts.exchange_hash IS 'technical: digest of a random text';
COMMENT ON COLUMN oauth_attempts.provider IS 'technical: name of a provider';
COMMENT ON COLUMN oauth_attempts.redirect_uri IS 'technical: one of the configured addresses';
COMMENT ON COLUMN oauth_attempts.secrets_sealed IS 'technical: random texts';
COMMENT ON COLUMN oauth_attempts.state_hash IS 'technical: digest of a random text';
