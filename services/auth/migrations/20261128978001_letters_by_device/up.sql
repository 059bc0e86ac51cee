-- A letter that was asked for on a device that the account knows is bound to that device: what strangers ask for voids it no more.
COMMENT ON COLUMN one_time_tokens.about IS 'personal: what a link confirms, and the device that asked for it; contract; one day after it expires';
COMMENT ON COLUMN one_time_tokens.device_hash IS 'personal: binding a step of signing in, or what was mailed, to its device; legitimate interest; one day after it expires';
