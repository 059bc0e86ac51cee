-- What a stranger who was in somebody's account may have done in a studio to come back by is asked of the trail, which keeps every one
-- of several who changed the same thing. Most entries are of sessions: these are few.
CREATE INDEX audit_events_of_ways_back ON audit_events (tenant_id, occurred_at) WHERE action IN (
    'webhook.created', 'webhook.changed', 'webhook.secret_rotated', 'webhook.enabled',
    'invitation.created', 'invitation.resent', 'membership.roles_set', 'role.changed'
);
