//! Letters about accounts: told to notify in the transaction that gives the reason for them.

use shinkofa_contracts::auth::{AccountLetter, AccountLetterRequested, LetterSecret, PersonalLetter};
use shinkofa_db::Connection;
use shinkofa_feed::append;
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::users::Account;
use crate::error::Error;

/// Has notify write `letter` to the account's own address.
pub async fn request_letter(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (letter, secret): (AccountLetter, Option<LetterSecret>),
) -> Result<(), Error> {
    request_letter_to(tx, auth, trail, (account, account.contact().into()), (letter, secret)).await
}

/// Has notify write `letter` about an account to an address that need not be the account's.
pub async fn request_letter_to(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, to): (&Account, PersonalLetter),
    (letter, secret): (AccountLetter, Option<LetterSecret>),
) -> Result<(), Error> {
    let sealed_secret = secret.map(|secret| seal(auth, &secret)).transpose()?;
    let requested =
        AccountLetterRequested { user_id: account.id, locale: account.locale, letter, sealed_secret };
    append(tx, &trail.occurrence(), account.id.as_uuid(), &requested, Some(&to)).await?;
    Ok(())
}

/// Seals what only the reader of a letter may have.
pub fn seal(auth: &Auth, secret: &LetterSecret) -> Result<String, Fault> {
    let json = serde_json::to_vec(secret).map_err(Fault::unexpected)?;
    auth.sealing.seal(AccountLetterRequested::SEALED_FOR, &json).map_err(Fault::unexpected)
}
