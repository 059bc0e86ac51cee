//! `POST /api/tenants/switch`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::TenantId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Problem, ProblemDocument, RateRefusal, Unavailability,
};
use utoipa::ToSchema;

use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::memberships::{self, Membership};
use crate::db::{scope, sessions, users};
use crate::domain::device::Surroundings;
use crate::domain::proof::{Carried, Proof};
use crate::domain::session::SessionMode;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};
use crate::session_opening::{Opening, TokenAnswer, open_key, open_session};
use crate::{Auth, limits};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchRequest {
    tenant_id: TenantId,
}

/// Sign in to another of my studios
///
/// Opens a session there beside this one, with what was shown for this one and until this one would end: nothing is asked again.
/// Where the role there needs a second factor that was not shown, the token opens enrolment alone. The tokens are good at the
/// hosts of that studio (`GET /api/tenants`). A studio that I am no active member of answers as one that does not exist.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(SessionModeHeader),
    request_body = SwitchRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`origin_refused` in cookie mode, or where a session of a browser asks for tokens that a script can read"),
    ),
)]
#[post("/api/tenants/switch")]
pub async fn switch_tenant(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    SignInCaller(surroundings): SignInCaller,
    body: Body<SwitchRequest>,
) -> Result<HttpResponse, Error> {
    auth.platform.limiter.require(&limits::SWITCH_BY_USER, &actor.user_id.to_string()).await?;
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let answer = transaction(&auth.platform.database, &scope, "switch_tenant", async |tx| {
        switch(tx, &auth, &actor, body.0.tenant_id, &surroundings).await
    })
    .await?;
    metrics::counter!("auth_logins_total", "outcome" => "switched").increment(1);
    auth.platform.committed();
    Ok(answer.respond(StatusCode::OK))
}

async fn switch(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    target: TenantId,
    surroundings: &Surroundings,
) -> Result<TokenAnswer, Error> {
    let now = auth.platform.clock.now();
    // A factor that is being added ends all sessions: it must not miss this one.
    users::hold(tx, auth.realm, actor.user_id).await?;
    let (account, _) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    let session = sessions::find(tx, auth.realm, actor.session_id).await?.ok_or(Error::Unauthenticated)?;
    // Whoever has the access token of a browser's session gets no refresh token out of it.
    if open_key(auth, &session)?.mode() == SessionMode::Cookie && surroundings.mode() == SessionMode::Bearer {
        return Err(Error::OriginRefused);
    }
    scope::enter_tenant(tx, target).await?;
    let membership = memberships::find(tx, target, actor.user_id).await?;
    let membership = membership.filter(Membership::is_active).ok_or_else(Problem::not_found)?;
    let carried = Carried { shown_at: session.authenticated_at, ends_at: session.absolute_expires_at };
    let opening = Opening {
        account: &account,
        membership: &membership,
        binding: &session.binding(),
        surroundings,
        proof: Proof {
            methods: session.amr.clone(),
            assurance: session.assurance(),
            carried: Some(carried),
        },
    };
    open_session(tx, auth, &auth.trail(target, actor.actor()), &opening).await
}
