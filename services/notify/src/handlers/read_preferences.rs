//! `GET /api/notifications/preferences`

use actix_web::{get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Notify;
use crate::db::preferences;
use crate::domain::Kind;
use crate::error::Error;

/// What a person is told about, kind by kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preferences {
    items: Vec<Preference>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Preference {
    kind: Kind,
    enabled: bool,
    /// False for what is owed to the person: it cannot be switched off.
    optional: bool,
}

impl Preferences {
    /// Every kind there is, with what the person chose for some.
    pub fn of(choices: &[(Kind, bool)]) -> Self {
        let chosen = |kind: Kind| choices.iter().find(|(of, _)| *of == kind).map(|(_, enabled)| *enabled);
        let preference = |kind: Kind| Preference {
            kind,
            enabled: !kind.is_optional() || chosen(kind).unwrap_or(true),
            optional: kind.is_optional(),
        };
        Self { items: Kind::ALL.iter().copied().map(preference).collect() }
    }
}

/// What I am told about
#[utoipa::path(
    tag = "notifications",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = Preferences),
    ),
)]
#[get("/api/notifications/preferences")]
pub async fn read_preferences(
    state: web::Data<Notify>,
    actor: CurrentActor,
) -> Result<web::Json<Preferences>, Error> {
    let scope = Scope::tenant(actor.tenant_id).with_user(actor.user_id);
    let choices = transaction(&state.platform.database, &scope, "read_preferences", async |tx| {
        preferences::list(tx, actor.tenant_id, actor.user_id).await.map_err(Error::from)
    })
    .await?;
    Ok(web::Json(Preferences::of(&choices)))
}
