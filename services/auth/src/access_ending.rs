//! Taking back what an account gave out: sessions, tokens, links, steps under way.

use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::{SessionId, UserId, defended};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::{email_changes, one_time_tokens, revocations, sessions};
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;

/// What was taken back.
pub struct EndedAccess {
    /// For this process to apply once the transaction has committed; the others read it from the feed.
    pub revocation: Revocation,
    pub sessions: usize,
}

/// What its owner may still need after everything else was taken back: ways to say that it was somebody else.
const KEPT: [TokenPurpose; 2] = [TokenPurpose::EmailChangeUndo, TokenPurpose::NotMe];

/// Ends every session but `kept`, every access token below `token_version`, which is the account's new one, every link and
/// step under way, and a change of address that was not confirmed.
pub async fn end_access(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (user, token_version): (UserId, i32),
    kept: Option<SessionId>,
) -> Result<EndedAccess, Error> {
    let now = trail.clock.now();
    let ended = if defended!("V13-refresh") {
        sessions::end_all_but(tx, (auth.realm, user), kept, now).await?
    } else {
        Vec::new()
    };
    if defended!("V15-steps") && defended!("V05-cancel") {
        one_time_tokens::void_all_but(tx, (auth.realm, user), &KEPT, now).await?;
    }
    if defended!("V05-cancel") {
        email_changes::cancel_pending(tx, (auth.realm, user), None, now).await?;
    }
    let revocation = Revocation::User { user_id: user, token_version };
    if defended!("V13-access") {
        revocations::record(tx, &revocation, now).await?;
    }
    Ok(EndedAccess { revocation, sessions: ended.len() })
}

impl Auth {
    /// This process knows at once; the others by the revocation feed. Call it when the transaction has committed.
    pub fn revoked(&self, revocation: &Revocation) {
        self.platform.identity.revocations.apply(revocation, self.platform.clock.now());
    }
}
