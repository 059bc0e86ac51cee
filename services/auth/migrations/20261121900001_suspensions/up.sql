-- Why an account is suspended, everywhere. The account's own status is what counts; this tells the operator the story.
CREATE TABLE account_suspensions (
    realm_id uuid NOT NULL,
    user_id uuid NOT NULL,
    reason text NOT NULL,
    suspended_at timestamptz NOT NULL,
    PRIMARY KEY (realm_id, user_id),
    FOREIGN KEY (realm_id, user_id) REFERENCES users (realm_id, id) ON DELETE CASCADE
);

SELECT protect_by_realm('account_suspensions');

COMMENT ON COLUMN account_suspensions.reason IS 'personal: accounting for why an account is suspended; legitimate interest; until the account is restored or erased';
