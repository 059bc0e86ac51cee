-- The tenants in whose trail something stands behind the last link. Nobody sees all trails at once, and neither does this: it
-- looks at each as its tenant, as everybody has to, and leaves the transaction without one.
CREATE FUNCTION tenants_to_seal() RETURNS SETOF uuid LANGUAGE plpgsql AS $$
DECLARE
    tenant uuid;
    last_transaction bigint;
    last_number bigint;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('app.tenant_id', tenant::text, true);
        SELECT s.transaction, s.number INTO last_transaction, last_number
        FROM audit_seals s WHERE s.tenant_id = tenant ORDER BY s.seq DESC LIMIT 1;
        IF EXISTS (
            SELECT FROM audit_events e WHERE e.tenant_id = tenant
              AND (e.transaction, e.number) > (coalesce(last_transaction, 0), coalesce(last_number, 0))
        ) THEN
            RETURN NEXT tenant;
        END IF;
    END LOOP;
    PERFORM set_config('app.tenant_id', '', true);
END $$;
