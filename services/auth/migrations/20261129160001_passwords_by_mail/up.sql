-- A password that came by a mailed link shows the mailbox and nothing more, until somebody has shown it together with something else.
ALTER TABLE users ADD COLUMN password_by_mail boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN users.password_by_mail IS 'technical: whether the password came by a mailed link';
