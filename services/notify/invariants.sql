-- What must hold at any moment, over all tenants. Each query returns the rows that break its promise.

-- N1 One delivery per event, recipient and channel.
SELECT tenant_id, event_id, user_id, channel, count(*) AS deliveries FROM deliveries
GROUP BY tenant_id, event_id, user_id, channel HAVING count(*) > 1;

-- N2 Nothing that is out of our hands still holds a sealed token.
SELECT tenant_id, id, state FROM deliveries
WHERE sealed_token IS NOT NULL AND (settled_at IS NOT NULL OR state IN ('sent', 'failed', 'suppressed'));

-- N3 Nothing waits for a contact that is there.
SELECT d.tenant_id, d.id FROM deliveries d JOIN contacts c USING (tenant_id, user_id)
WHERE d.state = 'waiting_for_contact' AND (c.email_verified OR c.erased_at IS NOT NULL);

-- N4 Whatever can be sent has a job that will send it.
SELECT d.tenant_id, d.id, d.state FROM deliveries d
WHERE d.state IN ('pending', 'sending')
  AND NOT EXISTS (SELECT FROM jobs j WHERE j.name = 'deliver' AND j.key = d.id::text AND j.dead_at IS NULL);

-- N5 Of a person who was forgotten neither an address nor words are left.
SELECT c.tenant_id, c.user_id FROM contacts c JOIN deliveries d USING (tenant_id, user_id)
WHERE c.erased_at IS NOT NULL
  AND (d.email IS NOT NULL OR d.subject IS NOT NULL OR d.occasion IS NOT NULL OR d.settled_at IS NULL);
