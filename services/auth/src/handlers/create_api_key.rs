//! `POST /api/tenants/service-accounts/{id}/keys`

use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::AccountLetter;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_identity::{CurrentActor, RequirePermission, RequireStepUp};
use shinkofa_kernel::UserId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Path, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::db::api_keys::{self, ApiKeyId, ApiKeyRow, NewApiKey};
use crate::db::audit::Trail;
use crate::db::service_accounts::ServiceAccount;
use crate::db::{memberships, users};
use crate::domain::api_key::{ApiKey, KeyLife, MOST_LIVE_KEYS};
use crate::domain::audit::AuditAction;
use crate::domain::person_name::PersonName;
use crate::error::Error;
use crate::letters::request_letter;
use crate::liveness::require_stepped_up;
use crate::service_account_view::{ApiKeyView, managed_alone, require_held};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateApiKeyRequest {
    /// Where it will be used.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Import job, production")]
    name: PersonName,
    /// 90 unless asked.
    #[serde(default)]
    #[schema(value_type = i64, minimum = 1, maximum = 365, example = 90)]
    expires_in_days: KeyLife,
}

/// A key, this once with what makes it one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKey {
    #[serde(flatten)]
    key: ApiKeyView,
    /// The key itself. It is shown here and nowhere again: put it where the program finds it, and nowhere else.
    #[schema(example = "shk_mfrggzdfmztw_gezdgnbvgy3tqojqgezdgnbvgy3tqojqgezdgnbvgy3tqojqgeza4mzvhq3")]
    api_key: String,
}

/// Make a key of a service account
///
/// Shown once, and told to every admin by mail. Two may be live at a time: to change a key, make the next one, give it to the program, and revoke the old one.
/// It brings what its account may do, as far as its maker may do it at that moment. It is revoked when its maker is locked or suspended,
/// is no member any more, or may manage service accounts no longer, and when they say that it was somebody else who was signed in then.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(("id" = UserId, Path)),
    request_body = CreateApiKeyRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 201, body = CreatedApiKey),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`permission_denied`, `scope_not_held`, or `step_up_required`: see `www-authenticate`"),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`too_many_keys` or `service_account_disabled`"),
    ),
)]
#[post("/api/tenants/service-accounts/{id}/keys")]
pub async fn create_api_key(
    auth: web::Data<Auth>,
    _permission: RequirePermission<ManageServiceAccounts>,
    RequireStepUp { actor }: RequireStepUp,
    Path(id): Path<UserId>,
    body: Body<CreateApiKeyRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SERVICE_ACCOUNTS_BY_USER, &actor.user_id.to_string()).await?;
    let key = ApiKey::from_random(auth.randomness.bytes()?, auth.randomness.bytes()?);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let made = transaction(&auth.platform.database, &scope, "create_api_key", async |tx| {
        create(tx, &auth, &actor, (id, &body.0, &key)).await
    })
    .await?;
    auth.platform.committed();
    let view = ApiKeyView::of(made, auth.platform.clock.now());
    let answer = CreatedApiKey { key: view, api_key: key.as_str().to_owned() };
    Ok(HttpResponse::Created().insert_header(("cache-control", "no-store")).json(answer))
}

async fn create(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (id, request, key): (UserId, &CreateApiKeyRequest, &ApiKey),
) -> Result<ApiKeyRow, Error> {
    let (tenant, now) = (actor.tenant_id, auth.platform.clock.now());
    require_stepped_up(tx, auth, actor, now).await?;
    // Whoever takes this away from the maker is waited for, or waits for this key and revokes it.
    memberships::held(tx, tenant, actor.user_id).await?;
    let (account, membership) = managed_alone(tx, auth, actor, id).await?;
    // Whoever has a key may do what its account may.
    require_held(&membership, &account.scopes())?;
    if account.disabled_at.is_some() {
        return Err(Error::Disabled);
    }
    let known = api_keys::of_account(tx, tenant, id).await?;
    if known.iter().filter(|key| key.is_live(now)).count() >= MOST_LIVE_KEYS {
        return Err(Error::TooManyKeys);
    }
    let row = NewApiKey {
        tenant_id: tenant,
        id: ApiKeyId::new(&auth.platform.clock),
        user_id: id,
        name: request.name.as_str(),
        prefix: key.prefix(),
        digest: key.digest().to_vec(),
        created_by: actor.user_id,
        created_at: now,
        expires_at: now + request.expires_in_days.as_delta(),
    };
    let made = api_keys::insert(tx, &row).await?;
    let trail = auth.trail(tenant, actor.actor());
    let details = json!({ "keyId": made.id, "prefix": made.prefix, "expiresAt": made.expires_at });
    trail.user(tx, AuditAction::ApiKeyCreated, id, details).await?;
    tell_admins(tx, auth, &trail, (&account, &made)).await?;
    Ok(made)
}

/// Every admin learns of it, whoever made it.
async fn tell_admins(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (service, key): (&ServiceAccount, &ApiKeyRow),
) -> Result<(), Error> {
    for admin in memberships::admins(tx, trail.tenant).await? {
        let account = users::find(tx, auth.realm, admin).await?;
        let Some(account) = account.filter(|account| account.is_usable(trail.clock.now())) else { continue };
        let letter = AccountLetter::ApiKeyCreated {
            account: service.name.clone(),
            prefix: key.prefix.clone(),
            expires_at: key.expires_at,
        };
        request_letter(tx, auth, trail, &account, (letter, None)).await?;
    }
    Ok(())
}
