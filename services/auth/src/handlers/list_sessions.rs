//! `GET /api/auth/sessions`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::OwnActor;
use shinkofa_kernel::SessionId;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::sessions::{self, SessionPlace};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<SessionId>>,
}

/// One device that somebody is signed in on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    id: SessionId,
    /// What its owner calls it.
    #[schema(required = true, example = "My phone")]
    device_name: Option<String>,
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    )]
    user_agent: Option<String>,
    /// The network of its last use, without the part that points at one household.
    #[schema(example = "192.0.2.0/24")]
    ip_prefix: String,
    opened_at: DateTime<Utc>,
    /// When it last fetched an access token.
    last_used_at: DateTime<Utc>,
    /// When it ends if it is not used before.
    expires_at: DateTime<Utc>,
    /// Is it the one that asks?
    current: bool,
    /// How its owner showed who they are (RFC 8176).
    #[schema(example = json!(["pwd", "otp"]))]
    methods: Vec<String>,
}

impl SessionView {
    pub fn of(place: SessionPlace, current: SessionId) -> Self {
        Self {
            id: place.session,
            device_name: place.device_name,
            user_agent: place.user_agent,
            ip_prefix: place.ip_prefix,
            opened_at: place.opened_at,
            last_used_at: place.last_used_at,
            expires_at: place.sliding_expires_at.min(place.absolute_expires_at),
            current: place.session == current,
            methods: place.amr.split(' ').map(ToOwned::to_owned).collect(),
        }
    }
}

/// Where I am signed in
///
/// Newest first, in all tenants.
#[utoipa::path(
    tag = "sessions",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "50 unless asked"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<SessionView>),
    ),
)]
#[get("/api/auth/sessions")]
pub async fn list_sessions(
    auth: web::Data<Auth>,
    OwnActor(actor): OwnActor,
    query: Query<SessionsQuery>,
) -> Result<HttpResponse, Error> {
    let Query(SessionsQuery { limit, cursor }) = query;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let places = transaction(&auth.platform.database, &scope, "list_sessions", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let after = cursor.map(|Cursor(id)| id);
        let page = (after, limit.probe());
        Ok::<_, Error>(sessions::live_places(tx, (auth.realm, actor.user_id), page, now).await?)
    })
    .await?;
    let page =
        Page::new(places, limit, |place| place.session, |place| SessionView::of(place, actor.session_id));
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
