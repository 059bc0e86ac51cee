//! `POST /internal/v1/discord/accounts`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::DiscordScope;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_kernel::{Actor, RealmId, Role, SessionId, TenantId, UserId};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, Fault, Locale, ProblemDocument, Unavailability};
use utoipa::ToSchema;

use crate::announcement::{announce_account, announce_membership};
use crate::db::audit::Trail;
use crate::db::users::{self, Account, NewAccount};
use crate::db::{discord_links, memberships};
use crate::domain::account::{AccountKind, AccountStatus};
use crate::domain::audit::AuditAction;
use crate::domain::discord::{DiscordId, LIVES, address, password};
use crate::domain::person_name::PersonName;
use crate::error::Error;
use crate::jobs::purge_temporary::purge;
use crate::withdrawal::forget_here;
use crate::{Auth, attempts};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiscordAccountRequest {
    #[schema(value_type = String, pattern = "^[0-9]{15,20}$", example = "123456789012345678")]
    discord_id: DiscordId,
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "marin")]
    username: PersonName,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscordAccountAnswer {
    user_id: UserId,
    /// What is typed as address at sign-in: random, so that nobody guesses it. Nothing is ever sent there.
    #[schema(example = "discord-6kq3zv7m2ywd5hxa@temporary.invalid")]
    email: String,
    /// Told once, when the account is made; null afterwards.
    password: Option<String>,
    expires_at: DateTime<Utc>,
}

/// A temporary account for a member of a Discord server
///
/// Lives for a day and is then purged. Asking again for the same member tells of the account that is there, without its password.
#[utoipa::path(
    tag = "discord",
    request_body = DiscordAccountRequest,
    responses(
        CallerRefusals, BodyRefusals, Unavailability,
        (status = 200, body = DiscordAccountAnswer, description = "It was there"),
        (status = 201, body = DiscordAccountAnswer),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "The member has one in another tenant"),
    ),
)]
#[post("/internal/v1/discord/accounts")]
pub async fn create_discord_account(
    caller: RequireScope<DiscordScope>,
    auth: web::Data<Auth>,
    body: Body<DiscordAccountRequest>,
) -> Result<HttpResponse, Error> {
    let Body(request) = body;
    let tenant = caller.caller.require_tenant()?;
    let (address, password) = (address(auth.randomness.bytes()?), password(auth.randomness.bytes()?));
    let turn = auth.hashing.turn().await?;
    let phc = attempts::hash(&auth, &turn, &password).await?;
    drop(turn);
    let trail = auth.trail(tenant, Actor::service(&caller.caller.name));
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let made = transaction(&auth.platform.database, &scope, "create_discord_account", async |tx| {
        make(tx, &auth, &trail, &request, (&address, &phc)).await
    })
    .await?;
    forget_here(&auth, &made.ended);
    auth.platform.committed();
    let Made { account, is_new, .. } = made;
    let answer = DiscordAccountAnswer {
        user_id: account.id,
        email: account.email,
        password: is_new.then_some(password),
        expires_at: account.expires_at.ok_or_else(|| Fault::unexpected("a temporary account has no end"))?,
    };
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.insert_header(("cache-control", "no-store")).json(answer))
}

struct Made {
    account: Account,
    /// It was made just now.
    is_new: bool,
    /// What ended with the one before it.
    ended: Vec<SessionId>,
}

/// Of several at once one makes it.
async fn make(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    request: &DiscordAccountRequest,
    credentials: (&str, &str),
) -> Result<Made, Error> {
    let (realm, now, discord) = (auth.realm, trail.clock.now(), &request.discord_id);
    let mut ended = Vec::new();
    if let Some((known, tenant)) = linked(tx, realm, discord).await? {
        let expired = known.expires_at.is_none_or(|end| end <= now);
        if !expired {
            return known_here(trail, (known, tenant));
        }
        // Its time is over, but the purge has not come to it yet.
        ended = purge(tx, auth, &Actor::service("auth"), &[known.id]).await?;
        crate::db::scope::enter_tenant(tx, trail.tenant).await?;
    }
    let user = UserId::new(&trail.clock);
    if !users::insert(tx, &new_account(auth, user, request, credentials, now)).await? {
        return Err(Fault::unexpected("a random address is somebody's").into());
    }
    if !discord_links::insert(tx, (realm, trail.tenant, user), discord, now).await? {
        // Somebody else was ordered to make it, and did first.
        users::delete(tx, realm, &[user]).await?;
        let known = linked(tx, realm, discord).await?;
        let known = known_here(trail, known.ok_or_else(|| Fault::unexpected("an account is not there"))?)?;
        return Ok(Made { ended, ..known });
    }
    users::set_expiry(tx, (realm, user), now + LIVES).await?;
    memberships::join(tx, (trail.tenant, realm, user), now).await?;
    memberships::set_roles(tx, trail.tenant, user, &[Role::Member]).await?;
    trail.user(tx, AuditAction::TemporaryCreated, user, json!({})).await?;
    let missing = || Fault::unexpected("a new account is not there");
    let account = users::find(tx, realm, user).await?.ok_or_else(missing)?;
    let membership = memberships::find(tx, trail.tenant, user).await?.ok_or_else(missing)?;
    announce_account(tx, trail, &account).await?;
    announce_membership(tx, trail, user, &membership).await?;
    Ok(Made { account, is_new: true, ended })
}

/// The account of a Discord member, locked, and the tenant that it was made in.
async fn linked(
    tx: &mut Connection,
    realm: RealmId,
    discord: &DiscordId,
) -> Result<Option<(Account, TenantId)>, Error> {
    let Some((user, tenant)) = discord_links::account_of(tx, realm, discord).await? else {
        return Ok(None);
    };
    Ok(users::lock(tx, realm, user).await?.map(|account| (account, tenant)))
}

fn known_here(trail: &Trail, (account, tenant): (Account, TenantId)) -> Result<Made, Error> {
    if tenant != trail.tenant {
        return Err(Error::NotAvailable);
    }
    Ok(Made { account, is_new: false, ended: Vec::new() })
}

fn new_account(
    auth: &Auth,
    id: UserId,
    request: &DiscordAccountRequest,
    (address, phc): (&str, &str),
    now: DateTime<Utc>,
) -> NewAccount {
    NewAccount {
        realm_id: auth.realm,
        id,
        kind: AccountKind::Temporary,
        status: AccountStatus::Active,
        email: address.to_owned(),
        email_canonical: address.to_owned(),
        email_verified_at: None,
        name: request.username.as_str().to_owned(),
        locale: Locale::French,
        password_phc: Some(phc.to_owned()),
        token_version: 1,
        created_at: now,
        updated_at: now,
    }
}
