//! Telling somebody of a sign-in on a device that they have not used before.

use serde_json::json;
use shinkofa_contracts::auth::{AccountLetter, PersonalLetter, SignInPlace};
use shinkofa_db::Connection;
use shinkofa_kernel::SessionId;

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::users::Account;
use crate::domain::client_name::ClientName;
use crate::domain::device::Surroundings;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::letters::request_letter_to;
use crate::mailed_sign_in::digest_of_address;
use crate::password_reset::give_out;

/// Has a letter sent, with a link for whoever did not sign in.
pub async fn tell_of_new_device(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (session, surroundings): (SessionId, &Surroundings),
) -> Result<(), Error> {
    if account.email_verified_at.is_none() {
        return Ok(());
    }
    let purpose = TokenPurpose::NotMe;
    let about = json!({ "sessionId": session, "mailedTo": digest_of_address(&account.email_canonical) });
    let secret = give_out(tx, auth, trail, account, (purpose, Some(about))).await?;
    let now = trail.clock.now();
    let letter = AccountLetter::NewSignIn { at: now, expires_at: now + purpose.lifetime() };
    let to = PersonalLetter { contact: account.contact(), place: Some(place(surroundings)) };
    request_letter_to(tx, auth, trail, (account, to), (letter, Some(secret))).await
}

/// As a letter tells it. What a client calls itself is anybody's text, and mail programs make links of such.
fn place(surroundings: &Surroundings) -> SignInPlace {
    let ClientName { program, system } = ClientName::of(surroundings.user_agent().unwrap_or_default());
    SignInPlace {
        program: program.map(str::to_owned),
        system: system.map(str::to_owned),
        network: Some(surroundings.ip_prefix()),
    }
}
