-- A webhook goes at once, and its deliveries after it, a portion at a time: all of a month's in the statement that deletes
-- the webhook would outlast it. No new one comes to a webhook that is gone: whoever tells it something holds its row.
ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_tenant_id_endpoint_id_fkey;
