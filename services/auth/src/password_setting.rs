//! Another password for an account, and what goes with it.

use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::SessionId;

use crate::Auth;
use crate::access_ending::end_access;
use crate::db::audit::Trail;
use crate::db::users::{self, Account};
use crate::db::{failures, known_devices, past_places};
use crate::domain::audit::AuditAction;
use crate::domain::lockout;
use crate::error::Error;
use crate::letters::request_letter;

/// How somebody came to set another password.
#[derive(Clone, Copy, Debug)]
pub enum Occasion {
    /// With a link that was mailed to them.
    Reset,
    /// Signed in, with the present one, from this session, which goes on.
    Change(SessionId),
}

/// Sets the password, ends every other session and every access token, and tells the owner.
pub async fn set_password(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    account: &Account,
    (phc, occasion): (&str, Occasion),
) -> Result<Revocation, Error> {
    let who = (auth.realm, account.id);
    let by_mail = matches!(occasion, Occasion::Reset);
    let token_version = users::set_password(tx, who, (phc, by_mail), trail.clock.now()).await?;
    let kept = match occasion {
        Occasion::Reset => None,
        Occasion::Change(session) => Some(session),
    };
    let ended = end_access(tx, auth, trail, (account.id, token_version), kept).await?;
    let action = match occasion {
        Occasion::Reset => {
            start_anew(tx, auth, account).await?;
            AuditAction::PasswordReset
        }
        Occasion::Change(_) => AuditAction::PasswordChanged,
    };
    let details = json!({ "endedSessions": ended.sessions, "sessionId": kept });
    trail.user(tx, action, account.id, details).await?;
    request_letter(tx, auth, trail, account, (AccountLetter::PasswordChanged, None)).await?;
    Ok(ended.revocation)
}

/// Forgets the failed attempts on an account whose owner has shown that its mail is theirs, so that nobody who guessed
/// keeps them out; and its known devices, for one of them may be somebody else's. Wrong codes of a second factor stay counted: the
/// mailbox says nothing of who guesses those.
pub async fn start_anew(tx: &mut Connection, auth: &Auth, account: &Account) -> Result<(), Error> {
    failures::clear(tx, auth.realm, &lockout::subject(&account.email_canonical, None)).await?;
    failures::clear(tx, auth.realm, &lockout::reauthentication(account.id)).await?;
    known_devices::delete_of_users(tx, auth.realm, &[account.id]).await?;
    past_places::forget_surroundings(tx, auth.realm, account.id).await?;
    Ok(())
}
