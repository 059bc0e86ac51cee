-- Which second factor a device was remembered with: it stands for that one alone, wherever the device is shown again. Of those
-- that were remembered before this was kept nobody knows.
ALTER TABLE remembered_devices ADD COLUMN factor text NOT NULL DEFAULT 'unknown';

COMMENT ON COLUMN remembered_devices.factor IS 'personal: leaving the second factor out on a device of the person; contract; thirty days';
