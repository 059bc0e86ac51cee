//! `POST /api/sessions`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::{ClassId, ClassSessionId};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, RequirePermission, permissions};
use shinkofa_kernel::UserId;
use shinkofa_runtime::Confirmed;
use shinkofa_web::idempotency::{IdempotencyKey, Operation};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ConfirmedUnavailability, ProblemDocument};
use utoipa::ToSchema;

use super::once::once;
use crate::Booking;
use crate::db::sessions::{self, SessionRow};
use crate::db::{classes, policies};
use crate::domain::{Capacity, Instant, Location};
use crate::error::Error;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateSessionRequest {
    class_id: ClassId,
    /// Between the years 2000 and 2199.
    #[schema(value_type = DateTime<Utc>)]
    starts_at: Instant,
    #[schema(value_type = i32, minimum = 1, maximum = 10000, example = 20)]
    capacity: Capacity,
    coach_id: Option<UserId>,
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, example = "Grande salle")]
    location: Option<Location>,
}

/// One dated occurrence of a class.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    id: ClassSessionId,
    class_id: ClassId,
    #[schema(example = "Vinyasa yoga")]
    title: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    #[schema(example = 20)]
    capacity: i32,
    #[schema(example = 7)]
    seats_left: i32,
    /// What one seat costs, in credits.
    #[schema(example = 1)]
    credit_cost: i32,
    #[schema(required = true)]
    coach_id: Option<UserId>,
    #[schema(required = true, example = "Studio 2")]
    location: Option<String>,
}

impl From<(SessionRow, String)> for Session {
    fn from((row, title): (SessionRow, String)) -> Self {
        Self {
            id: row.id,
            class_id: row.class_id,
            title,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            capacity: row.capacity,
            seats_left: row.capacity - row.taken,
            credit_cost: row.credit_cost,
            coach_id: row.coach_id,
            location: row.location,
        }
    }
}

/// Put a class on the calendar
///
/// The session lasts as long as its class and costs what its class costs now.
#[utoipa::path(
    tag = "sessions",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same key, the request has one effect.")),
    request_body = CreateSessionRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, ConfirmedUnavailability,
        (status = 201, body = Session),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`request_in_progress`"),
    ),
)]
#[post("/api/sessions")]
pub async fn create_session(
    state: web::Data<Booking>,
    Confirmed(manager): Confirmed<RequirePermission<permissions::ManageSessions>>,
    key: Option<IdempotencyKey>,
    body: Body<CreateSessionRequest>,
) -> Result<HttpResponse, Error> {
    let (manager, request) = (manager.actor, body.0);
    let operation = key
        .map(|key| {
            Operation::new(manager.tenant_id, manager.user_id, "create_session", key.as_str(), &request)
        })
        .transpose()?;
    let scope = Scope::tenant(manager.tenant_id).with_user(manager.user_id);
    let created = transaction(&state.platform.database, &scope, "create_session", async |tx| {
        let now = state.platform.clock.now();
        once(tx, operation.as_ref(), now, async |tx| schedule(&state, tx, &manager, &request).await).await
    })
    .await?;
    Ok(created.created())
}

async fn schedule(
    booking: &Booking,
    tx: &mut Connection,
    manager: &CurrentActor,
    request: &CreateSessionRequest,
) -> Result<Session, Error> {
    let (tenant, clock) = (manager.tenant_id, &booking.platform.clock);
    let class = classes::find(tx, tenant, request.class_id).await?.ok_or_else(|| Error::InvalidField {
        pointer: "/classId",
        detail: "names no class of this studio".to_owned(),
    })?;
    let starts_at = request.starts_at.get();
    let session = SessionRow {
        tenant_id: tenant,
        id: ClassSessionId::new(clock),
        class_id: class.id,
        starts_at,
        ends_at: starts_at + TimeDelta::minutes(i64::from(class.duration_minutes)),
        capacity: request.capacity.get(),
        taken: 0,
        credit_cost: class.credit_cost,
        coach_id: request.coach_id,
        location: request.location.as_ref().map(|text| text.as_str().to_owned()),
        created_at: clock.now(),
    };
    policies::ensure_default(tx, tenant, session.created_at).await?;
    sessions::insert(tx, &session).await?;
    Ok(Session::from((session, class.title)))
}
