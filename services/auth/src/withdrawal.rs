//! Taking access back: sessions end in the database at once, their tokens everywhere within seconds.

use serde_json::json;
use shinkofa_db::Connection;
use shinkofa_identity::Revocation;
use shinkofa_kernel::{Actor, SessionId, UserId, defended};

use crate::Auth;
use crate::db::audit::Trail;
use crate::db::sessions::{self, Session};
use crate::db::{impersonations, memberships, revocations};
use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;
use crate::error::Error;

/// A session, and whose it was.
type Ended = (SessionId, UserId);

/// Ends everything somebody is signed in on in the trail's tenant, and the sessions in which they see it as others do. Hand
/// what it returns to [`forget_here`] once it is committed.
pub async fn end_sessions(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    user: UserId,
    reason: SessionEnd,
) -> Result<Vec<SessionId>, Error> {
    let now = trail.clock.now();
    let own = if defended!("V13-member") {
        sessions::end_in_tenant(tx, (auth.realm, user, trail.tenant), now).await?
    } else {
        Vec::new()
    };
    let own: Vec<Ended> = own.into_iter().map(|session| (session, user)).collect();
    tell_ended(tx, trail, &own, reason).await?;
    let others = end_impersonations(tx, auth, trail, &[user]).await?;
    Ok(own.into_iter().map(|(session, _)| session).chain(others).collect())
}

/// Ends the sessions in which these see the trail's tenant as others do: however many they are, one question finds them. Hand what
/// it returns to [`forget_here`] once it is committed.
pub async fn end_impersonations(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    impersonators: &[UserId],
) -> Result<Vec<SessionId>, Error> {
    let now = trail.clock.now();
    let mut ended: Vec<Ended> = Vec::new();
    for (session, member) in impersonations::opened_by(tx, (trail.tenant, impersonators), now).await? {
        if sessions::end(tx, (auth.realm, session), now).await? {
            ended.push((session, member));
        }
    }
    tell_ended(tx, trail, &ended, SessionEnd::ImpersonationEnded).await?;
    Ok(ended.into_iter().map(|(session, _)| session).collect())
}

/// Ends one session, in its owner's name. False when it had ended before.
pub async fn end_one(
    tx: &mut Connection,
    auth: &Auth,
    session: &Session,
    reason: SessionEnd,
) -> Result<bool, Error> {
    let now = auth.platform.clock.now();
    if !sessions::end(tx, (auth.realm, session.id), now).await? {
        return Ok(false);
    }
    revocations::record(tx, &Revocation::Session { session_id: session.id }, now).await?;
    let trail = auth.trail(session.for_tenant, Actor::user(session.user_id));
    trail.session(tx, AuditAction::SessionEnded, session.id, json!({ "reason": reason })).await?;
    Ok(true)
}

/// Ends what members who have this role of the tenant's own opened with one factor.
pub async fn end_sessions_of_one_factor(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    role: &str,
) -> Result<Vec<SessionId>, Error> {
    let holders = memberships::with_role(tx, trail.tenant, role).await?;
    // Whoever signs in meanwhile is waited for, and so not missed.
    memberships::hold(tx, trail.tenant, &holders).await?;
    let place = (auth.realm, trail.tenant);
    let ended = sessions::end_of_one_factor(tx, place, &holders, trail.clock.now()).await?;
    tell_ended(tx, trail, &ended, SessionEnd::RolesChanged).await?;
    Ok(ended.into_iter().map(|(session, _)| session).collect())
}

/// Tells the other services and, on their own timeline, whoever the sessions were of: not whoever ended them.
pub async fn tell_ended(
    tx: &mut Connection,
    trail: &Trail,
    ended: &[Ended],
    reason: SessionEnd,
) -> Result<(), Error> {
    let sessions: Vec<_> = ended.iter().map(|(session, _)| *session).collect();
    revocations::record_sessions(tx, &sessions, trail.clock.now()).await?;
    for (session, user) in ended {
        let details = json!({ "reason": reason, "userId": user });
        trail.session(tx, AuditAction::SessionEnded, *session, details).await?;
    }
    Ok(())
}

/// This process knows at once; the others by the revocation feed.
pub fn forget_here(auth: &Auth, sessions: &[SessionId]) {
    let now = auth.platform.clock.now();
    for session in sessions {
        auth.platform.identity.revocations.apply(&Revocation::Session { session_id: *session }, now);
    }
}
