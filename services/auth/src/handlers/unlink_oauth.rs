//! `DELETE /api/auth/oauth/{provider}/link`

use actix_web::{HttpResponse, delete, web};
use chrono::{DateTime, Utc};
use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, ProblemDocument, Unavailability};

use crate::Auth;
use crate::db::users::{self, Account};
use crate::db::{identities, passkeys};
use crate::domain::audit::AuditAction;
use crate::domain::provider::Provider;
use crate::error::Error;
use crate::letters::request_letter;
use crate::liveness::{Claimed, require_member, require_recent};
use crate::mailed_sign_in::takes_mail;

/// Remove an identity
///
/// It opens the account no longer. A member goes on signing in by what is mailed to their address. An account without a mailbox keeps
/// its last way in, where it has neither a password nor a passkey nor another identity: 409. Works for a provider that is switched off
/// as well. The owner is told by mail.
#[utoipa::path(
    tag = "providers",
    security(("bearer" = [])),
    params(("provider" = Provider, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 204),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`last_way_in`"),
    ),
)]
#[delete("/api/auth/oauth/{provider}/link")]
pub async fn unlink_oauth(
    auth: web::Data<Auth>,
    actor: CurrentActor,
    provider: Path<Provider>,
) -> Result<HttpResponse, Error> {
    let (Path(provider), now) = (provider, auth.platform.clock.now());
    let trail = auth.trail(actor.tenant_id, actor.actor());
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    transaction(&auth.platform.database, &scope, "unlink_identity", async |tx| {
        // Two at once wait for one another here: neither removes the other's last way in. And whoever takes the account back from
        // somebody else is waited for: this session is over then.
        users::lock(tx, auth.realm, actor.user_id).await?;
        let live = require_member(tx, auth.realm, Claimed::from(&actor), now).await?;
        require_recent(tx, &auth, &live, now).await?;
        let account = live.account;
        let linked = identities::of_user(tx, auth.realm, account.id).await?;
        if !linked.iter().any(|identity| identity.provider == provider) {
            return Err(Error::ProviderUnknown);
        }
        if linked.len() == 1 && !opens_otherwise(tx, &auth, &account, now).await? {
            return Err(Error::LastWayIn);
        }
        identities::unlink(tx, (auth.realm, account.id), provider).await?;
        let details = json!({ "provider": provider });
        trail.user(tx, AuditAction::IdentityUnlinked, account.id, details).await?;
        let letter = AccountLetter::ProviderUnlinked { provider: provider.title().to_owned() };
        request_letter(tx, &auth, &trail, &account, (letter, None)).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}

/// Is there a way into this account beside providers: a password, its mailbox, or a passkey that is found without an address?
async fn opens_otherwise(
    tx: &mut Connection,
    auth: &Auth,
    account: &Account,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    if account.password_phc.is_some() || takes_mail(account, now) {
        return Ok(true);
    }
    let passkeys = passkeys::of_user(tx, auth.realm, account.id).await?;
    // Where the browser did not say, nobody can rely on it.
    Ok(passkeys.iter().any(|passkey| passkey.discoverable == Some(true)))
}
