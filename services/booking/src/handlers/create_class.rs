//! `POST /api/classes`

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::ClassId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::{RequirePermission, permissions};
use shinkofa_runtime::Confirmed;
use shinkofa_web::idempotency::{IdempotencyKey, Operation};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ConfirmedUnavailability, ProblemDocument};
use utoipa::ToSchema;

use super::once::once;
use crate::Booking;
use crate::db::classes::{self, ClassRow};
use crate::domain::{ClassTitle, CreditCost, Description, DurationMinutes, Level};
use crate::error::Error;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateClassRequest {
    #[schema(value_type = String, min_length = 1, max_length = 200, example = "Vinyasa yoga")]
    title: ClassTitle,
    #[schema(value_type = i32, minimum = 1, maximum = 1440, example = 60)]
    duration_minutes: DurationMinutes,
    /// What one seat costs, in credits. 0 is free.
    #[schema(value_type = i32, minimum = 0, maximum = 1000, example = 1)]
    credit_cost: CreditCost,
    #[schema(value_type = Option<String>, min_length = 1, max_length = 5000, example = "Breath and movement, for everybody.")]
    description: Option<Description>,
    #[schema(value_type = Option<String>, min_length = 1, max_length = 60, example = "beginners")]
    level: Option<Level>,
}

/// A bookable lesson.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Class {
    id: ClassId,
    #[schema(example = "Vinyasa yoga")]
    title: String,
    #[schema(required = true, example = "Breath and movement, for everybody.")]
    description: Option<String>,
    #[schema(required = true, example = "beginners")]
    level: Option<String>,
    #[schema(example = 60)]
    duration_minutes: i32,
    #[schema(example = 1)]
    credit_cost: i32,
    created_at: DateTime<Utc>,
}

impl From<ClassRow> for Class {
    fn from(row: ClassRow) -> Self {
        Self {
            id: row.id,
            title: row.title,
            description: row.description,
            level: row.level,
            duration_minutes: row.duration_minutes,
            credit_cost: row.credit_cost,
            created_at: row.created_at,
        }
    }
}

/// Create a class
///
/// A class is what can be put on the calendar; members book its sessions.
#[utoipa::path(
    tag = "classes",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeated with the same key, the request has one effect.")),
    request_body = CreateClassRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, ConfirmedUnavailability,
        (status = 201, body = Class),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`request_in_progress`"),
    ),
)]
#[post("/api/classes")]
pub async fn create_class(
    state: web::Data<Booking>,
    Confirmed(manager): Confirmed<RequirePermission<permissions::ManageClasses>>,
    key: Option<IdempotencyKey>,
    body: Body<CreateClassRequest>,
) -> Result<HttpResponse, Error> {
    let (manager, request) = (manager.actor, body.0);
    let (tenant, clock) = (manager.tenant_id, &state.platform.clock);
    let operation = key
        .map(|key| Operation::new(tenant, manager.user_id, "create_class", key.as_str(), &request))
        .transpose()?;
    let scope = Scope::tenant(tenant).with_user(manager.user_id);
    let created = transaction(&state.platform.database, &scope, "create_class", async |tx| {
        let now = clock.now();
        once(tx, operation.as_ref(), now, async |tx| {
            let class = ClassRow {
                tenant_id: tenant,
                id: ClassId::new(clock),
                title: request.title.as_str().to_owned(),
                description: request.description.as_ref().map(|text| text.as_str().to_owned()),
                level: request.level.as_ref().map(|text| text.as_str().to_owned()),
                duration_minutes: request.duration_minutes.get(),
                credit_cost: request.credit_cost.get(),
                created_at: now,
            };
            classes::insert(tx, &class).await?;
            Ok(Class::from(class))
        })
        .await
    })
    .await?;
    Ok(created.created())
}
