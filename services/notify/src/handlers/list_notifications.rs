//! `GET /api/notifications`

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::ToSchema;

use crate::Notify;
use crate::db::deliveries::{self, DeliveryRow};
use crate::domain::{Channel, DeliveryId, DeliveryState, Kind};
use crate::error::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationsQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<DeliveryId>>,
}

/// One message to the person who asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    id: DeliveryId,
    kind: Kind,
    channel: Channel,
    status: DeliveryState,
    /// Null until it is sent, and again once it is a month old.
    #[schema(required = true, example = "Booked: Vinyasa yoga")]
    subject: Option<String>,
    created_at: DateTime<Utc>,
    #[schema(required = true)]
    sent_at: Option<DateTime<Utc>>,
}

impl From<DeliveryRow> for Notification {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            channel: row.channel,
            status: row.state,
            subject: row.subject,
            created_at: row.created_at,
            sent_at: row.settled_at.filter(|_| row.state == DeliveryState::Sent),
        }
    }
}

/// The messages to me
///
/// Newest first.
#[utoipa::path(
    tag = "notifications",
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "50 unless asked"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    security(("bearer" = [])),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<Notification>),
    ),
)]
#[get("/api/notifications")]
pub async fn list_notifications(
    state: web::Data<Notify>,
    actor: CurrentActor,
    query: Query<NotificationsQuery>,
) -> Result<web::Json<Page<Notification>>, Error> {
    let Query(NotificationsQuery { limit, cursor }) = query;
    let scope = Scope::tenant(actor.tenant_id).with_user(actor.user_id);
    let rows = transaction(&state.platform.database, &scope, "list_notifications", async |tx| {
        let before = cursor.map(|Cursor(id)| id);
        deliveries::list(tx, (actor.tenant_id, actor.user_id), before, limit.probe())
            .await
            .map_err(Error::from)
    })
    .await?;
    Ok(web::Json(Page::new(rows, limit, |row| row.id, Notification::from)))
}
