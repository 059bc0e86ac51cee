-- Those that were on their way before there were lanes.
UPDATE jobs SET lane = 'outbound' WHERE name = 'deliver_webhook' AND dead_at IS NULL;
