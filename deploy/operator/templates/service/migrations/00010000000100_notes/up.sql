CREATE TABLE notes (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    text text NOT NULL CHECK (text <> ''),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX notes_by_user ON notes (tenant_id, user_id, id);

SELECT protect_by_tenant('notes');
