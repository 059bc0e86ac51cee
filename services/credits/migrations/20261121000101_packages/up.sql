-- What is on sale. A purchase copies the terms, so a package that changes later changes nothing that was bought.
CREATE TABLE packages (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 120),
    credits integer NOT NULL CHECK (credits BETWEEN 1 AND 10000),
    price_minor bigint NOT NULL CHECK (price_minor BETWEEN 1 AND 99999999),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Days from payment to expiry. Null: the credits never expire.
    validity_days integer CHECK (validity_days BETWEEN 1 AND 3650),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

SELECT protect_by_tenant('packages');
