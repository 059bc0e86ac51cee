//! `DELETE /internal/v1/discord/accounts/{discordId}`

use actix_web::{HttpResponse, delete, web};
use shinkofa_contracts::auth::DiscordScope;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_kernel::Actor;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};

use crate::Auth;
use crate::db::discord_links;
use crate::domain::discord::DiscordId;
use crate::error::Error;
use crate::jobs::purge_temporary::purge;
use crate::withdrawal::forget_here;

/// Remove a temporary account before its time
///
/// One that is not there is removed.
#[utoipa::path(
    tag = "discord",
    params(("discordId" = String, Path, pattern = "^[0-9]{15,20}$")),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 204),
    ),
)]
#[delete("/internal/v1/discord/accounts/{discordId}")]
pub async fn delete_discord_account(
    caller: RequireScope<DiscordScope>,
    auth: web::Data<Auth>,
    discord: Path<DiscordId>,
) -> Result<HttpResponse, Error> {
    let tenant = caller.caller.require_tenant()?;
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let ended = transaction(&auth.platform.database, &scope, "delete_discord_account", async |tx| {
        match discord_links::find(tx, (auth.realm, tenant), &discord.0).await? {
            Some(user) => purge(tx, &auth, &Actor::service(&caller.caller.name), &[user]).await,
            None => Ok(Vec::new()),
        }
    })
    .await?;
    forget_here(&auth, &ended);
    auth.platform.committed();
    Ok(HttpResponse::NoContent().finish())
}
