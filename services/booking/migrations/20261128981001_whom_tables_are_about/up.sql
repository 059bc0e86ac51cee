-- Whom the rows of a table are about, and what kind of data they are: `personal: people; category`. The register of processing tells it
-- of every personal column of the table, and a test asks for it.
COMMENT ON TABLE events IS 'personal: members, staff; bookings';
COMMENT ON TABLE reservations IS 'personal: members, staff; bookings';
COMMENT ON TABLE sessions IS 'personal: staff; lessons given';
