//! Ending what was opened from a session that is ended: whoever had its tokens may have opened it.

use std::collections::BTreeMap;

use shinkofa_db::Connection;
use shinkofa_kernel::{SessionId, TenantId, UserId};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::sessions::Session;
use crate::db::{scope, session_families};
use crate::domain::session::SessionEnd;
use crate::domain::session_family::opened_from;
use crate::error::Error;
use crate::withdrawal::tell_ended;

/// How much of its family goes with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// What was opened from it, and from that. Its owner is done with it: what it was opened from goes on.
    OpenedFromIt,
    /// Everything: somebody has a copy, and nobody knows of which.
    All,
}

/// Ends the family of a session that was just ended, in whichever studio of the person's it is, and has it told there. Hand what it
/// returns to [`forget_here`](crate::withdrawal::forget_here) once it is committed.
///
/// The caller has locked the account, before the session: whoever switches studios holds it, so that nothing is opened meanwhile.
pub async fn end_family(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (session, going): (&Session, Going),
) -> Result<Vec<SessionId>, Error> {
    let origin = session_families::as_origin(tx, auth.realm, session.id).await?;
    let known = session_families::descents(tx, (auth.realm, origin.family)).await?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let going: Vec<SessionId> = match going {
        Going::OpenedFromIt => opened_from(origin, &known),
        Going::All => known.iter().map(|(id, _)| *id).chain([origin.family]).collect(),
    };
    let ended = session_families::end(tx, auth.realm, &going, trail.clock.now()).await?;
    let mut by_tenant: BTreeMap<TenantId, Vec<(SessionId, UserId)>> = BTreeMap::new();
    for (id, tenant) in &ended {
        by_tenant.entry(*tenant).or_default().push((*id, session.user_id));
    }
    // Each in the trail of its own studio: what somebody is elsewhere is nothing for this one's.
    for (tenant, there) in &by_tenant {
        scope::enter_tenant(tx, *tenant).await?;
        let trail = Trail { tenant: *tenant, ..trail.clone() };
        tell_ended(tx, &trail, there, SessionEnd::OriginEnded).await?;
    }
    scope::enter_tenant(tx, trail.tenant).await?;
    Ok(ended.into_iter().map(|(id, _)| id).collect())
}
