//! What follows when somebody's second factors change, whichever it was and wherever it was asked for.

use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::{SessionId, UserId, defended};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::users::Account;
use crate::db::{recovery_codes, remembered_devices, revocations, sessions};
use crate::domain::audit::AuditAction;
use crate::domain::recovery_code::{RECOVERY_CODES, RecoveryCode};
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::letters::request_letter;

/// Tells the owner, forgets the remembered devices and ends every other session: whoever had one open did not show the
/// factors that the account has now. Returns the sessions, for [`apply_here`].
pub async fn settle(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (account, kept): (&Account, SessionId),
    letter: AccountLetter,
) -> Result<Vec<SessionId>, Error> {
    let now = trail.clock.now();
    remembered_devices::delete_of_users(tx, auth.realm, &[account.id]).await?;
    let ended = if defended!("V13-factors") {
        sessions::end_all_but(tx, (auth.realm, account.id), Some(kept), now).await?
    } else {
        Vec::new()
    };
    for session in &ended {
        revocations::record(tx, &Revocation::Session { session_id: *session }, now).await?;
        let details = json!({ "reason": SessionEnd::FactorsChanged });
        trail.session(tx, AuditAction::SessionEnded, *session, details).await?;
    }
    request_letter(tx, auth, trail, account, (letter, None)).await?;
    Ok(ended)
}

/// After the commit: this process knows at once; the others by the revocation feed.
pub fn apply_here(auth: &Auth, ended: &[SessionId]) {
    let now = auth.platform.clock.now();
    for session in ended {
        auth.platform.identity.revocations.apply(&Revocation::Session { session_id: *session }, now);
    }
    auth.platform.committed();
}

/// Gives out fresh recovery codes in the place of all earlier ones. They are shown now and kept nowhere.
pub async fn new_recovery_codes(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
) -> Result<Vec<String>, Error> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        codes.push(RecoveryCode::from_random(auth.randomness.bytes()?));
    }
    let digests: Vec<_> = codes.iter().map(|code| code.digest(user)).collect();
    recovery_codes::replace(tx, (auth.realm, user), &digests, trail.clock.now()).await?;
    trail.user(tx, AuditAction::RecoveryCodesReplaced, user, json!({})).await?;
    Ok(codes.iter().map(RecoveryCode::shown).collect())
}

/// The recovery codes that come with the first factor; `None` for whoever has some already.
pub async fn first_recovery_codes(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
) -> Result<Option<Vec<String>>, Error> {
    if recovery_codes::any(tx, auth.realm, user).await? {
        return Ok(None);
    }
    new_recovery_codes(tx, auth, trail, user).await.map(Some)
}
