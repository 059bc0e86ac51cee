//! A refresh token that was used before, wherever it is shown: its session ends, and its owner is told.

use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;
use shinkofa_kernel::{Actor, SessionId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::sessions::{self, Session};
use crate::db::users::{self, Account};
use crate::domain::one_time_token::TokenPurpose;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::letters::request_letter;
use crate::mailed_sign_in::digest_of_address;
use crate::password_reset::give_out;
use crate::session_family::{Going, end_family};
use crate::withdrawal::{end_one, forget_here};

/// Nobody keeps a session of which somebody has a copy, nor what could be opened with it, and its owner is written to: by whoever
/// ends it, so once. Hand the session and what it returns to [`refuse_ended`] once it is committed.
pub async fn end_reused(
    tx: &mut Connection,
    auth: &Auth,
    session: &Session,
    account: &Account,
) -> Result<Vec<SessionId>, Error> {
    // Whoever switches studios meanwhile is waited for, so that nothing is missed that they open.
    users::lock(tx, auth.realm, session.user_id).await?;
    let mut with_it = Vec::new();
    if end_one(tx, auth, session, SessionEnd::TokenReused).await? {
        let trail = auth.trail(session.for_tenant, Actor::user(session.user_id));
        with_it = end_family(tx, auth, &trail, (session, Going::All)).await?;
        tell_of_reused_token(tx, auth, &trail, account, session).await?;
    }
    Ok(with_it)
}

/// What whoever showed the token is answered once the end of its session, and of those that went with it, is committed.
pub fn refuse_ended(auth: &Auth, session: SessionId, with_it: &[SessionId]) -> Error {
    tracing::warn!(%session, with_it = with_it.len(), "a session was ended: its token was used again, or its owner lost access");
    forget_here(auth, &[session]);
    forget_here(auth, with_it);
    auth.platform.committed();
    Error::RefreshRefused
}

/// Has a letter sent, with a link for whoever had not used it twice. A session ends once, and so there is one letter.
async fn tell_of_reused_token(
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
    let mailed_to = digest_of_address(&account.email_canonical);
    let about = json!({ "sessionId": session.id, "openedAt": opened_at, "mailedTo": mailed_to });
    let secret = give_out(tx, auth, trail, account, (purpose, Some(about))).await?;
    let now = trail.clock.now();
    let letter = AccountLetter::TokenReused { at: now, expires_at: now + purpose.lifetime() };
    request_letter(tx, auth, trail, account, (letter, Some(secret))).await
}
