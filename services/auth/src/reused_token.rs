//! Telling somebody that a session of theirs was ended, because one of its tokens was used a second time.

use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::sessions::{self, Session};
use crate::db::users::Account;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::letters::request_letter;
use crate::password_reset::give_out;

/// Has a letter sent, with a link for whoever had not used it twice. A session ends once, and so there is one letter.
pub async fn tell_of_reused_token(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    session: &Session,
) -> Result<(), Error> {
    if account.email_verified_at.is_none() {
        return Ok(());
    }
    let places = sessions::places(tx, (auth.realm, account.id), &[session.id]).await?;
    // Whoever had a copy may have had it since then.
    let opened_at = places.first().map(|place| place.opened_at);
    let purpose = TokenPurpose::NotMe;
    let about = json!({ "sessionId": session.id, "openedAt": opened_at });
    let secret = give_out(tx, auth, trail, account, (purpose, Some(about))).await?;
    let now = trail.clock.now();
    let letter = AccountLetter::TokenReused { at: now, expires_at: now + purpose.lifetime() };
    request_letter(tx, auth, trail, account, (letter, Some(secret))).await
}
