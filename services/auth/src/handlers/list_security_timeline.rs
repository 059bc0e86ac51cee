//! `GET /api/auth/security-timeline`

use std::collections::HashMap;

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::OwnActor;
use shinkofa_kernel::{Actor, SessionId, TenantId, UserId};
use shinkofa_web::{
    CallerRefusals, Cursor, Locale, Page, PageLimit, ParameterRefusal, Query, RequestContext, Unavailability,
};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::past_places::{self, PastPlace};
use crate::db::sessions::{self, SessionPlace};
use crate::db::timeline::{self, AuditEventId, TimelineEntry, TimelineKey};
use crate::domain::audit::AuditAction;
use crate::domain::timeline::{Doer, sentence};
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<TimelineKey>>,
}

/// Something that happened to the account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    id: AuditEventId,
    occurred_at: DateTime<Utc>,
    /// Stable, for programs.
    #[schema(value_type = String, example = "session.opened")]
    r#type: AuditAction,
    /// For people, in the language of `Accept-Language`.
    #[schema(example = "A sign-in.")]
    text: String,
    by: Doer,
    /// The studio that it happened in.
    tenant_id: TenantId,
    #[schema(example = "Studio Élan")]
    tenant_name: String,
    /// The session that it happened to, or from.
    #[schema(required = true)]
    session_id: Option<SessionId>,
    /// The network that the session was last used from: known until ninety days after its end, like the rest of the place.
    #[schema(required = true, example = "192.0.2.0/24")]
    ip_prefix: Option<String>,
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
    )]
    user_agent: Option<String>,
    #[schema(required = true, example = "My phone")]
    device_name: Option<String>,
}

/// Where a session was last used from.
struct Whereabouts {
    ip_prefix: String,
    user_agent: Option<String>,
    device_name: Option<String>,
}

impl From<SessionPlace> for Whereabouts {
    fn from(place: SessionPlace) -> Self {
        let SessionPlace { ip_prefix, user_agent, device_name, .. } = place;
        Self { ip_prefix, user_agent, device_name }
    }
}

impl From<PastPlace> for Whereabouts {
    fn from(place: PastPlace) -> Self {
        let PastPlace { ip_prefix, user_agent, device_name, .. } = place;
        Self { ip_prefix, user_agent, device_name }
    }
}

impl TimelineEvent {
    fn of(
        (entry, tenant_name): (TimelineEntry, String),
        places: &HashMap<SessionId, Whereabouts>,
        (person, locale): (UserId, Locale),
    ) -> Self {
        let session_id = entry.session();
        let place = session_id.and_then(|id| places.get(&id));
        let text = sentence(entry.action, entry.reason()).in_locale(locale).to_owned();
        let actor = serde_json::from_value(entry.actor).unwrap_or(Actor::Anonymous);
        Self {
            id: entry.id,
            occurred_at: entry.occurred_at,
            r#type: entry.action,
            text,
            by: Doer::of(&actor, person),
            tenant_id: entry.tenant_id,
            tenant_name,
            session_id,
            ip_prefix: place.map(|place| place.ip_prefix.clone()),
            user_agent: place.and_then(|place| place.user_agent.clone()),
            device_name: place.and_then(|place| place.device_name.clone()),
        }
    }
}

/// What happened to my account
///
/// Newest first, in every studio that I am or was something in: what the trail of each tells me about my own account.
/// Whatever was not you: `POST /api/auth/security-timeline/{eventId}/not-me`.
#[utoipa::path(
    tag = "sessions",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "50 unless asked"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<TimelineEvent>),
    ),
)]
#[get("/api/auth/security-timeline")]
pub async fn list_security_timeline(
    auth: web::Data<Auth>,
    OwnActor(actor): OwnActor,
    context: RequestContext,
    query: Query<TimelineQuery>,
) -> Result<HttpResponse, Error> {
    let Query(TimelineQuery { limit, cursor }) = query;
    let now = auth.platform.clock.now();
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let (entries, places, past) = transaction(&auth.platform.database, &scope, "list_timeline", async |tx| {
        require_live(tx, auth.realm, Claimed::from(&actor), now).await?;
        let before = cursor.map(|Cursor(key)| key);
        let entries = timeline::page(tx, actor.user_id, before, limit.probe()).await?;
        let ids: Vec<_> = entries.iter().filter_map(|(entry, _)| entry.session()).collect();
        let owner = (auth.realm, actor.user_id);
        let places = sessions::places(tx, owner, &ids).await?;
        // Asked last: what is purged meanwhile was seen before, or is seen now.
        let past = past_places::of_sessions(tx, owner, &ids).await?;
        Ok::<_, Error>((entries, places, past))
    })
    .await?;
    let live = places.into_iter().map(|place| (place.session, Whereabouts::from(place)));
    let past = past.into_iter().map(|place| (place.session_id, Whereabouts::from(place)));
    let places: HashMap<_, _> = past.chain(live).collect();
    let reader = (actor.user_id, context.locale);
    let page = Page::new(
        entries,
        limit,
        |(entry, _)| entry.key(),
        |entry| TimelineEvent::of(entry, &places, reader),
    );
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
