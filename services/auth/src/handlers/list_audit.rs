//! `GET /api/admin/audit`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ReadAudit;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{Actor, UserId};
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::authority::require_authority;
use crate::db::audit::{self, AuditFilter};
use crate::domain::audit::AuditAction;
use crate::error::Error;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditQuery {
    action: Option<AuditAction>,
    user_id: Option<UserId>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<(i64, i64)>>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditItem {
    id: Uuid,
    /// Its number in the chain; null until the job has sealed it.
    #[schema(example = 1042)]
    seq: Option<i64>,
    occurred_at: DateTime<Utc>,
    #[schema(value_type = Actor)]
    actor: serde_json::Value,
    #[schema(example = "session.opened")]
    action: String,
    #[schema(example = "session")]
    subject_type: String,
    subject_id: Uuid,
    #[schema(value_type = Object, example = json!({ "endedSessions": 2 }))]
    details: serde_json::Value,
}

/// The audit trail
///
/// Every change of an account, a session or a membership of this tenant, the newest first. `userId` finds what somebody did and
/// what was done to them. There are no names or addresses in it.
#[utoipa::path(
    tag = "audit",
    security(("bearer" = [])),
    params(
        ("action" = inline(Option<AuditAction>), Query),
        ("userId" = Option<UserId>, Query),
        ("from" = Option<DateTime<Utc>>, Query, description = "From this instant on"),
        ("to" = Option<DateTime<Utc>>, Query, description = "Before this instant"),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<AuditItem>),
    ),
)]
#[get("/api/admin/audit")]
pub async fn list_audit(
    caller: RequirePermission<ReadAudit>,
    auth: web::Data<Auth>,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, query) = (caller.actor, query.0);
    let filter = AuditFilter {
        tenant: actor.tenant_id,
        action: query.action,
        user: query.user_id,
        from: query.from,
        to: query.to,
        before: query.cursor.map(|cursor| cursor.0),
    };
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let rows = transaction(&auth.platform.database, &scope, "list_audit", async |tx| {
        require_authority::<ReadAudit>(tx, &auth, &actor).await?;
        Ok::<_, Error>(audit::list(tx, &filter, query.limit.probe()).await?)
    })
    .await?;
    let page = Page::new(
        rows,
        query.limit,
        |row| (row.transaction, row.number),
        |row| AuditItem {
            id: row.id,
            seq: row.seq,
            occurred_at: row.occurred_at,
            actor: row.actor,
            action: row.action,
            subject_type: row.subject_type,
            subject_id: row.subject_id,
            details: row.details,
        },
    );
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
