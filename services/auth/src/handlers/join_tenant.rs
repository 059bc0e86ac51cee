//! `POST /api/tenants/join`

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{AccountActor, CurrentActor};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Problem, ProblemDocument, RateRefusal,
    RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::accept_invitation::JoinedTenant;
use super::sign_in::surroundings;
use crate::banning::require_not_banned;
use crate::db::{scope, tenants, users};
use crate::domain::consent::{GivenConsent, GivenConsents};
use crate::domain::device::Surroundings;
use crate::domain::tenant::GivenSlug;
use crate::error::Error;
use crate::joining::join;
use crate::liveness::{Claimed, require_owner};
use crate::{Auth, limits};

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinTenantRequest {
    /// The studio's name in addresses: `<slug>.` before the platform's domain.
    #[schema(value_type = String, min_length = 3, max_length = 40, pattern = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", example = "elan")]
    slug: GivenSlug,
    /// What the person agrees to: at most one text of each kind. A studio may ask for consent to a version of its terms.
    #[serde(default)]
    #[schema(value_type = Vec<GivenConsent>, max_items = 4, example = json!([{ "kind": "terms", "version": "2026-11" }]))]
    consents: GivenConsents,
}

/// Join a studio
///
/// Makes the caller, whose address is confirmed, a member of a studio where anybody may sign up; `POST /api/tenants/switch` signs in
/// to it. A member of nothing signs in at the platform's own host for it, and then at the studio's. Whoever is a member there stays
/// what they are, and gets the same answer. A studio that lets in only who was invited refuses as it refuses to sign up, and so does
/// one that is closed. Whom a studio suspended or removed it lets in itself.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    request_body = JoinTenantRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = JoinedTenant),
        (status = 422, body = ProblemDocument, content_type = "application/problem+json", description = "`terms_not_accepted`: the studio asks for consent to a version of its terms that is not among the consents; or `invalid_fields`"),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`sign_up_by_invitation`, `tenant_closed`, `membership_suspended`, `membership_removed`, `banned`, `email_not_verified` or `guest_account`"),
    ),
)]
#[post("/api/tenants/join")]
pub async fn join_tenant(
    AccountActor(actor): AccountActor,
    auth: web::Data<Auth>,
    request: HttpRequest,
    context: RequestContext,
    body: Body<JoinTenantRequest>,
) -> Result<HttpResponse, Error> {
    let limiter = &auth.platform.limiter;
    limiter.require(&limits::JOIN_BY_NETWORK, context.client.as_str()).await?;
    limiter.require(&limits::JOIN_BY_USER, &actor.user_id.to_string()).await?;
    let surroundings = surroundings(&request, &context);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let joined = transaction(&auth.platform.database, &scope, "join_tenant", async |tx| {
        join_by_slug(tx, &auth, &actor, (&body.0, &surroundings)).await
    })
    .await?;
    auth.platform.committed();
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(joined))
}

async fn join_by_slug(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    (asked, surroundings): (&JoinTenantRequest, &Surroundings),
) -> Result<JoinedTenant, Error> {
    let now = auth.platform.clock.now();
    // Whoever suspends or erases the account is waited for, or waits.
    users::hold(tx, auth.realm, actor.user_id).await?;
    let live = require_owner(tx, auth.realm, Claimed::from(actor), now).await?;
    let id = tenants::find_by_slug(tx, asked.slug.as_str()).await?.ok_or_else(Problem::not_found)?;
    scope::enter_tenant(tx, id).await?;
    let membership = join(tx, auth, id, (&live.account, &asked.consents)).await?;
    // After the gate, as where somebody signs up: a studio that lets nobody in says no more than that.
    let binding = live.session.binding();
    require_not_banned(tx, auth, id, (&[actor.user_id], &binding, surroundings)).await?;
    let tenant = tenants::find(tx, id).await?.ok_or_else(Problem::not_found)?;
    Ok(JoinedTenant::new(auth, tenant, &membership))
}
