//! Who may administer: asked of the database, not of the token alone.

use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Grants, denied};

use crate::Auth;
use crate::db::memberships::Membership;
use crate::db::users::Account;
use crate::error::Error;
use crate::liveness::{Claimed, require_live, require_member, require_recent};

/// The live account and membership behind a token, whose present roles hold `P`. A role that was taken away works no longer,
/// whatever the token still says.
pub async fn require_authority<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(Account, Membership), Error> {
    let now = auth.platform.clock.now();
    let (account, membership) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    if P::PERMISSION.is_held_by(&membership.roles) { Ok((account, membership)) } else { Err(denied().into()) }
}

/// The same of somebody who is about to act on another person: a token that was stolen from staff does not go so far. They
/// showed lately who they are, with all that their account can show.
pub async fn require_recent_authority<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(Account, Membership), Error> {
    let now = auth.platform.clock.now();
    let live = require_member(tx, auth.realm, Claimed::from(actor), now).await?;
    if !P::PERMISSION.is_held_by(&live.membership.roles) {
        return Err(denied().into());
    }
    require_recent(tx, auth, &live, now).await?;
    Ok((live.account, live.membership))
}
