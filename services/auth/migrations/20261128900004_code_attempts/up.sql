-- Codes that were presented for an address. Whoever guesses them takes no attempt from the link in the same letter.
ALTER TABLE one_time_tokens ADD COLUMN code_attempts integer NOT NULL DEFAULT 0;
