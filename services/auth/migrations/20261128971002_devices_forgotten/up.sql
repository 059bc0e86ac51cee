-- What the register of processing says of known devices, now that they are forgotten in time.
COMMENT ON COLUMN known_devices.device_hash IS 'personal: keeping strangers from locking the person out, and telling the person of sign-ins elsewhere; legitimate interest; 400 days after it was last used, the fifty newest at most, or until the account is erased';
