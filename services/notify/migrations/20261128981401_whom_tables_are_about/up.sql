-- Whom the rows of a table are about, and what kind of data they are: `personal: people; category`. The register of processing tells it
-- of every personal column of the table, and a test asks for it.
COMMENT ON TABLE contacts IS 'personal: members, staff, invited, newcomers; contact details';
COMMENT ON TABLE deliveries IS 'personal: members, staff, invited, newcomers; messages';
COMMENT ON TABLE mailbox_messages IS 'personal: members, staff, invited, newcomers; messages';
COMMENT ON TABLE parked_events IS 'personal: members, staff, invited, newcomers; messages';
COMMENT ON TABLE preferences IS 'personal: members, staff; preferences';
