//! `GET /api/admin/users/{userId}`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_kernel::{SessionId, UserId};
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::authority::require_authority;
use crate::db::sessions::LiveSession;
use crate::db::{factors, scope, sessions};
use crate::domain::account::FactorKind;
use crate::domain::administration::IMPERSONATION;
use crate::error::Error;
use crate::member_view::{MemberView, view};

const MOST_SESSIONS: i64 = 100;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberDetails {
    #[serde(flatten)]
    member: MemberView,
    second_factors: Vec<FactorKind>,
    /// What they are signed in on in this tenant: of very many the hundred that were opened last.
    sessions: Vec<MemberSession>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberSession {
    session_id: SessionId,
    opened_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")]
    user_agent: Option<String>,
    #[schema(example = "192.0.2.0/24")]
    network: String,
    /// Somebody of the staff, in the member's place.
    impersonation: bool,
}

impl From<LiveSession> for MemberSession {
    fn from(session: LiveSession) -> Self {
        Self {
            session_id: session.session,
            opened_at: session.opened_at,
            last_used_at: session.last_used_at,
            user_agent: session.user_agent,
            network: session.ip_prefix,
            impersonation: session.methods == IMPERSONATION,
        }
    }
}

/// One member
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = MemberDetails),
    ),
)]
#[get("/api/admin/users/{userId}")]
pub async fn show_user(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    user: Path<UserId>,
) -> Result<HttpResponse, Error> {
    let (actor, user) = (caller.actor, user.0);
    let now = auth.platform.clock.now();
    let within = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let details = transaction(&auth.platform.database, &within, "show_user", async |tx| {
        require_authority::<ManageUsers>(tx, &auth, &actor).await?;
        let member = view(tx, &auth, &actor, user).await?;
        let live =
            sessions::live_in_tenant(tx, (auth.realm, user, actor.tenant_id), MOST_SESSIONS, now).await?;
        scope::enter_person(tx, user).await?;
        Ok::<_, Error>(MemberDetails {
            member,
            second_factors: factors::confirmed_kinds(tx, auth.realm, user).await?,
            sessions: live.into_iter().map(MemberSession::from).collect(),
        })
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(details))
}
