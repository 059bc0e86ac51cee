//! `GET /api/admin/bans`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_kernel::Actor;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::authority::require_authority;
use crate::db::bans::{self, StandingBan};
use crate::domain::ban::MarkKind;
use crate::error::Error;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BansQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<(DateTime<Utc>, Uuid)>>,
}

/// A ban that stands. Whom it names cannot be told from it: only keyed digests are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BanItem {
    ban_id: Uuid,
    #[schema(example = "Spam in three salons")]
    reason: String,
    /// Null: for good.
    until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    /// Null where it was not noted yet.
    #[schema(value_type = Option<Actor>)]
    created_by: Option<serde_json::Value>,
    /// What it names, counted.
    #[schema(example = 3)]
    fingerprints: i64,
    /// What kinds of things those are. None where it was not noted yet.
    kinds: Vec<MarkKind>,
}

impl From<StandingBan> for BanItem {
    fn from(ban: StandingBan) -> Self {
        Self {
            kinds: ban.kinds(),
            ban_id: ban.ban_id,
            reason: ban.reason,
            until: ban.until,
            created_at: ban.banned_at,
            created_by: ban.banned_by,
            fingerprints: ban.fingerprints,
        }
    }
}

/// Bans of this tenant
///
/// Those that are not over, the newest first: of staff and of services.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<BanItem>),
    ),
)]
#[get("/api/admin/bans")]
pub async fn list_bans(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    query: Query<BansQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, query) = (caller.actor, query.0);
    let place = (actor.tenant_id, auth.platform.clock.now());
    let before = query.cursor.map(|cursor| cursor.0);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let rows = transaction(&auth.platform.database, &scope, "list_bans", async |tx| {
        require_authority::<ManageUsers>(tx, &auth, &actor).await?;
        Ok::<_, Error>(bans::standing(tx, place, before, query.limit.probe()).await?)
    })
    .await?;
    let page = Page::new(rows, query.limit, |row| (row.banned_at, row.ban_id), BanItem::from);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
