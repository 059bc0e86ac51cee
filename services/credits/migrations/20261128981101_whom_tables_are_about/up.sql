-- Whom the rows of a table are about, and what kind of data they are: `personal: people; category`. The register of processing tells it
-- of every personal column of the table, and a test asks for it.
COMMENT ON TABLE events IS 'personal: members, staff; payments';
COMMENT ON TABLE holds IS 'personal: members, staff; credits and what they were used for';
COMMENT ON TABLE idempotency_keys IS 'personal: members, staff; payments';
COMMENT ON TABLE journals IS 'personal: members, staff; credits and what they were used for';
COMMENT ON TABLE lots IS 'personal: members, staff; credits and what they were used for';
COMMENT ON TABLE payments IS 'personal: members, staff; payments';
COMMENT ON TABLE wallets IS 'personal: members, staff; credits and what they were used for';
