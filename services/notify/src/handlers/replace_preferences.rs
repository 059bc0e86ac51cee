//! `PUT /api/notifications/preferences`

use actix_web::{put, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, Unavailability};
use utoipa::ToSchema;

use super::read_preferences::Preferences;
use crate::Notify;
use crate::db::preferences;
use crate::domain::Kind;
use crate::error::Error;

/// The whole of a person's choices: optional kinds that are not listed are on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplacePreferencesRequest {
    items: Vec<Choice>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    kind: Kind,
    enabled: bool,
}

/// Choose what I am told about
///
/// Replaces every choice made before. What is owed to a person cannot be switched off.
#[utoipa::path(
    tag = "notifications",
    request_body = ReplacePreferencesRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, Unavailability,
        (status = 200, body = Preferences),
    ),
)]
#[put("/api/notifications/preferences")]
pub async fn replace_preferences(
    state: web::Data<Notify>,
    actor: CurrentActor,
    body: Body<ReplacePreferencesRequest>,
) -> Result<web::Json<Preferences>, Error> {
    let choices = choices(&body.0)?;
    let scope = Scope::tenant(actor.tenant_id).with_user(actor.user_id);
    let now = state.platform.clock.now();
    transaction(&state.platform.database, &scope, "replace_preferences", async |tx| {
        preferences::replace(tx, (actor.tenant_id, actor.user_id), &choices, now).await.map_err(Error::from)
    })
    .await?;
    Ok(web::Json(Preferences::of(&choices)))
}

/// Of what cannot be switched off only "on" may be said, and nothing has to be kept about it.
fn choices(request: &ReplacePreferencesRequest) -> Result<Vec<(Kind, bool)>, Error> {
    for (position, choice) in request.items.iter().enumerate() {
        if !choice.enabled && !choice.kind.is_optional() {
            return Err(Error::KindNotOptional { position });
        }
        if request.items[..position].iter().any(|earlier| earlier.kind == choice.kind) {
            return Err(Error::KindRepeated { position });
        }
    }
    let optional = request.items.iter().filter(|choice| choice.kind.is_optional());
    Ok(optional.map(|choice| (choice.kind, choice.enabled)).collect())
}
