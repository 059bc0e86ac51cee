//! `GET /api/sessions/{id}`

use actix_web::{get, web};
use shinkofa_contracts::ClassSessionId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_web::{NotFoundRefusal, Path, Unavailability};

use super::create_session::Session;
use crate::Booking;
use crate::db::sessions;
use crate::error::Error;

/// One session
#[utoipa::path(
    tag = "sessions",
    params(("id" = ClassSessionId, Path)),
    responses(
        NotFoundRefusal, Unavailability,
        (status = 200, body = Session),
    ),
)]
#[get("/api/sessions/{id}")]
pub async fn read_session(
    state: web::Data<Booking>,
    tenant: HostTenant,
    id: Path<ClassSessionId>,
) -> Result<web::Json<Session>, Error> {
    let session =
        transaction(&state.platform.database, &Scope::tenant(tenant.0), "read_session", async |tx| {
            sessions::find(tx, tenant.0, id.0).await?.ok_or(Error::NotFound)
        })
        .await?;
    Ok(web::Json(session.into()))
}
