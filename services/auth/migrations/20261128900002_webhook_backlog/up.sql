-- What is on its way to an endpoint: looked at with each attempt, also when very much is.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (tenant_id, endpoint_id) WHERE state = 'pending';
