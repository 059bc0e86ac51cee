//! Consents that come with the request that makes somebody's account.

use chrono::{DateTime, Utc};
use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_kernel::UserId;
use shinkofa_web::Fault;

use crate::db::audit::Trail;
use crate::db::signups::Signup;
use crate::db::{consents, memberships};
use crate::domain::audit::AuditAction;
use crate::domain::consent::{GivenConsents, is_news};
use crate::error::Error;

/// Writes down what somebody agreed to in the very form whose letter they have just answered: nobody else's form counts, whatever
/// address it named. They agreed when they sent it, so that is when they decided; the trail says when it was written down.
pub async fn record_of_signup(
    tx: &mut Connection,
    trail: &Trail,
    (user, signup): (UserId, &Signup),
) -> Result<(), Error> {
    let given: GivenConsents = serde_json::from_value(signup.consents.clone()).map_err(Fault::unexpected)?;
    record(tx, trail, (user, &given), signup.created_at).await
}

/// The same of somebody who agreed at `given_at`. What they decided since stands.
pub async fn record(
    tx: &mut Connection,
    trail: &Trail,
    (user, given): (UserId, &GivenConsents),
    given_at: DateTime<Utc>,
) -> Result<(), Error> {
    if given.as_slice().is_empty() {
        return Ok(());
    }
    // As where a decision is put: one after the other.
    memberships::hold(tx, trail.tenant, &[user]).await?;
    let history = consents::history_here(tx, user).await?;
    for consent in given.as_slice() {
        let last = history.iter().rfind(|decision| decision.kind == consent.kind);
        let decided_since = last.is_some_and(|decision| decision.decided_at > given_at);
        let last = last.map(|decision| (decision.version.as_str(), decision.granted));
        if decided_since || !is_news(last, &consent.version, true) {
            continue;
        }
        let decision = (consent.kind, &consent.version, true);
        consents::record(tx, (trail.tenant, user), decision, given_at).await?;
        let details = json!({ "kind": consent.kind, "version": consent.version });
        trail.user(tx, AuditAction::ConsentGranted, user, details).await?;
    }
    Ok(())
}
