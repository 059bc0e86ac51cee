//! Who may administer: asked of the database, not of the token alone.

use shinkofa_db::Connection;
use shinkofa_identity::{CurrentActor, Grants, denied};

use crate::Auth;
use crate::db::memberships::Membership;
use crate::db::service_accounts;
use crate::db::users::Account;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

/// The live account and membership behind a token, whose present roles hold `P`. A role that was taken away works no longer,
/// whatever the token still says. Of a service account its token and its present scope both have to say so.
pub async fn require_authority<P: Grants>(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
) -> Result<(Account, Membership), Error> {
    let now = auth.platform.clock.now();
    let (account, membership) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    let is_held = match &actor.machine {
        None => membership.authority().holds(P::PERMISSION),
        Some(machine) => {
            let present = service_accounts::scopes(tx, actor.tenant_id, actor.user_id).await?;
            machine.may(P::PERMISSION) && present.is_some_and(|scopes| scopes.holds(P::PERMISSION))
        }
    };
    if is_held { Ok((account, membership)) } else { Err(denied().into()) }
}
