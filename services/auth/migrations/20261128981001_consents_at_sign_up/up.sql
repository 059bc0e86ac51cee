-- What somebody agreed to in the form that they sign up with: recorded as their decision once that very request's letter is answered.
ALTER TABLE signups ADD COLUMN consents jsonb NOT NULL DEFAULT '[]';

-- Which version of its terms whoever signs up has to agree to. Null: none is asked for.
ALTER TABLE tenant_settings ADD COLUMN terms_version text;

COMMENT ON COLUMN signups.consents IS 'personal: what the person agreed to when they signed up; legal obligation; until the address is confirmed, at most seven days';
COMMENT ON COLUMN tenant_settings.terms_version IS 'technical: of a studio';
