//! Letting somebody who can read the mail of an account choose another password for it.

use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, LetterSecret};
use shinkofa_db::Connection;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::one_time_tokens::{self, NewToken};
use crate::db::users::Account;
use crate::domain::audit::AuditAction;
use crate::domain::device::Digest;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::error::Error;
use crate::letters::request_letter;
use crate::unconfirmed::record;
use shinkofa_kernel::defended;

/// Has a link sent to the account's address. An earlier one stops working, of those that were asked for on the same device that
/// the account knows, or else on any that it does not know: strangers who ask take no link from the owner. The caller has locked the
/// account, so that of several at once one link is left.
pub async fn request_password_reset(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, known_device): (&Account, Option<Digest>),
) -> Result<(), Error> {
    let (purpose, now) = (TokenPurpose::PasswordReset, trail.clock.now());
    if defended!("V03-next-reset") {
        let replaced = (purpose, known_device.as_ref());
        one_time_tokens::void_of_device(tx, (auth.realm, account.id), replaced, now).await?;
    }
    let secret = give_out_bound(tx, auth, trail, account, (purpose, None, known_device)).await?;
    let expires_at = now + purpose.lifetime();
    request_letter(tx, auth, trail, account, (AccountLetter::PasswordReset { expires_at }, Some(secret)))
        .await?;
    record(tx, trail, account, (AuditAction::PasswordResetRequested, json!({}))).await
}

/// Makes a link's token for an account: the digest is kept, the token itself goes into the letter alone.
pub async fn give_out(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (purpose, about): (TokenPurpose, Option<serde_json::Value>),
) -> Result<LetterSecret, Error> {
    give_out_bound(tx, auth, trail, account, (purpose, about, None)).await
}

async fn give_out_bound(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (purpose, about, device): (TokenPurpose, Option<serde_json::Value>, Option<Digest>),
) -> Result<LetterSecret, Error> {
    let now = trail.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let row = NewToken {
        realm_id: auth.realm,
        purpose,
        token_hash: token.digest().to_vec(),
        user_id: account.id,
        for_tenant: trail.tenant,
        signup_id: None,
        device_hash: device.map(|device| device.to_vec()),
        created_at: now,
        expires_at: now + purpose.lifetime(),
        about,
    };
    one_time_tokens::insert(tx, &row).await?;
    Ok(LetterSecret { link_token: Some(token.as_str().to_owned()), code: None })
}
