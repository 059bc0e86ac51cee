CREATE TABLE effects (
    tenant_id uuid NOT NULL,
    place bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL,
    aggregate_id uuid NOT NULL,
    aggregate_seq bigint NOT NULL,
    PRIMARY KEY (tenant_id, place)
);

CREATE INDEX effects_by_event ON effects (tenant_id, event_id);

SELECT protect_by_tenant('effects');
