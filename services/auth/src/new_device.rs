//! Telling somebody of a sign-in on a device that they have not used before.

use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;
use shinkofa_kernel::SessionId;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::users::Account;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::letters::request_letter;
use crate::password_reset::give_out;

/// Has a letter sent, with a link for whoever did not sign in.
pub async fn tell_of_new_device(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    session: SessionId,
) -> Result<(), Error> {
    if account.email_verified_at.is_none() {
        return Ok(());
    }
    let purpose = TokenPurpose::NotMe;
    let secret = give_out(tx, auth, trail, account, (purpose, Some(json!({ "sessionId": session })))).await?;
    let now = trail.clock.now();
    let letter = AccountLetter::NewSignIn { at: now, expires_at: now + purpose.lifetime() };
    request_letter(tx, auth, trail, account, (letter, Some(secret))).await
}
