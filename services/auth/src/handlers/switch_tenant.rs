//! `POST /api/tenants/switch`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::TenantId;
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, NotFoundRefusal, Problem, ProblemDocument, RateRefusal,
    RequestContext, Unavailability,
};
use utoipa::ToSchema;

use super::sign_in::surroundings;
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
/// hosts of that studio (`GET /api/tenants`). A studio that I am no active member of answers as one that does not exist. A session
/// of cookie mode stays where it is: the cookie of one host is of no use at another's.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    request_body = SwitchRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, RateRefusal, Unavailability,
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`sign_in_there`: a session of cookie mode"),
    ),
)]
#[post("/api/tenants/switch")]
pub async fn switch_tenant(
    actor: CurrentActor,
    auth: web::Data<Auth>,
    request: HttpRequest,
    context: RequestContext,
    body: Body<SwitchRequest>,
) -> Result<HttpResponse, Error> {
    let surroundings = surroundings(&request, &context);
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
    // Nor does whoever has the access token of a browser's session get a refresh token out of it that scripts can read.
    if open_key(auth, &session)?.mode() == SessionMode::Cookie {
        return Err(Error::SignInThere);
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
        proof: Proof { methods: session.amr.clone(), assurance: session.assurance(), carried: Some(carried) },
    };
    open_session(tx, auth, &auth.trail(target, actor.actor()), &opening).await
}
