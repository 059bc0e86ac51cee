-- Within a transaction entries have an order too: with the transaction's id this is the one in which they are sealed.
ALTER TABLE audit_events ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
