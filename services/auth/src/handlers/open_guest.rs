//! `POST /api/auth/anonymous`

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::{Actor, UserId};
use shinkofa_web::{
    Body, BodyRefusals, Locale, ProblemDocument, RateRefusal, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::browser::{SessionModeHeader, SignInCaller};
use crate::db::tenants;
use crate::domain::device::{DeviceBinding, DeviceId};
use crate::domain::proof::{AuthMethod, Proof};
use crate::error::Error;
use crate::guests::make_guest;
use crate::session_opening::{Opening, TokenAnswer, open_session};
use crate::{Auth, limits, sign_up_gate};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenGuestRequest {
    /// The language of messages; that of `Accept-Language` when absent.
    locale: Option<Locale>,
    /// What the client calls its device: random, made once and kept. Send it again with every refresh.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
}

/// Go on as a guest
///
/// Makes an account without a name, an address or any role, and signs in to it. Its `acct` claim is `anonymous`. It is kept
/// as long as it is used at least every thirty days; `POST /api/auth/anonymous/upgrade` makes it a member's.
#[utoipa::path(
    tag = "sign-in",
    params(SessionModeHeader),
    request_body = OpenGuestRequest,
    responses(
        BodyRefusals, RateRefusal, Unavailability,
        (status = 201, body = TokenAnswer),
        (status = 403, body = ProblemDocument, content_type = "application/problem+json", description = "`banned`, `sign_up_by_invitation` or `tenant_closed`; `origin_refused` in cookie mode"),
    ),
)]
#[post("/api/auth/anonymous")]
pub async fn open_guest(
    auth: web::Data<Auth>,
    host: HostTenant,
    context: RequestContext,
    SignInCaller(surroundings): SignInCaller,
    body: Body<OpenGuestRequest>,
) -> Result<HttpResponse, Error> {
    let Body(OpenGuestRequest { locale, device_id }) = body;
    auth.platform.limiter.require(&limits::GUESTS_BY_NETWORK, context.client.as_str()).await?;
    let id = UserId::new(&auth.platform.clock);
    let binding = DeviceBinding::new(device_id.as_ref(), &surroundings);
    let trail = auth.trail(host.0, Actor::user(id));
    let scope = Scope::realm(auth.realm).with_tenant(host.0).with_user(id);
    let answer = transaction(&auth.platform.database, &scope, "open_guest", async |tx| {
        tenants::hold_open(tx, host.0).await?;
        sign_up_gate::require_open(tx, host.0).await?;
        let locale = locale.unwrap_or(context.locale);
        let (account, membership) = make_guest(tx, &auth, &trail, (id, locale)).await?;
        let opening = Opening {
            account: &account,
            membership: &membership,
            binding: &binding,
            surroundings: &surroundings,
            proof: Proof::first(AuthMethod::Guest),
        };
        open_session(tx, &auth, &trail, &opening).await
    })
    .await?;
    metrics::counter!("auth_logins_total", "outcome" => "guest").increment(1);
    Ok(answer.respond(StatusCode::CREATED))
}
