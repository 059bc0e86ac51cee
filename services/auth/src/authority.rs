//! Who may administer: asked of the database, not of the token alone.

use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Grants, denied};

use crate::Auth;
use crate::db::memberships::Membership;
use crate::db::service_accounts;
use crate::db::users::Account;
use crate::error::Error;
use crate::liveness::{Claimed, Live, is_recent, require_member, require_recent};

/// The live account and membership behind a token, whose present roles hold `P`. A role that was taken away works no longer,
/// whatever the token still says. Of a service account its token and its present scope both have to say so.
pub async fn require_authority<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(Account, Membership), Error> {
    let live = authorised::<P>(tx, auth, actor).await?;
    Ok((live.account, live.membership))
}

/// The same of somebody who is about to act on another person: a token that was stolen from staff does not go so far. They
/// showed lately who they are, with all that their account can show. Of a service account that is so by itself: its key is shown for
/// every token, and a token lasts a quarter of an hour; the session behind them says only when the first one was brought. What only a
/// person may give out (roles, invitations, keys) takes permissions that no program can have, or
/// [`RequireStepUp`](shinkofa_identity::RequireStepUp), which refuses programs.
pub async fn require_recent_authority<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(Account, Membership), Error> {
    let live = authorised::<P>(tx, auth, actor).await?;
    if actor.machine.is_none() {
        require_recent(tx, auth, &live, auth.platform.clock.now()).await?;
    }
    Ok((live.account, live.membership))
}

/// Did whoever asks show lately who they are?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownLately {
    Yes,
    No,
}

/// The membership of [`require_authority`], and whether [`require_recent_authority`] would do: for an answer that holds less for
/// whoever has not shown lately who they are.
pub async fn look_at_authority<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(Membership, ShownLately), Error> {
    let live = authorised::<P>(tx, auth, actor).await?;
    let lately = actor.machine.is_some() || is_recent(tx, auth, &live, auth.platform.clock.now()).await?;
    Ok((live.membership, if lately { ShownLately::Yes } else { ShownLately::No }))
}

async fn authorised<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<Live, Error> {
    let live = require_member(tx, auth.realm, Claimed::from(actor), auth.platform.clock.now()).await?;
    let is_held = match &actor.machine {
        None => live.membership.authority().holds(P::PERMISSION),
        Some(machine) => {
            let present = service_accounts::scopes(tx, actor.tenant_id, actor.user_id).await?;
            machine.may(P::PERMISSION) && present.is_some_and(|scopes| scopes.holds(P::PERMISSION))
        }
    };
    if is_held { Ok(live) } else { Err(denied().into()) }
}
