//! `GET /api/classes/{id}`

use actix_web::{get, web};
use shinkofa_contracts::ClassId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_web::{NotFoundRefusal, Path, Unavailability};

use super::create_class::Class;
use crate::Booking;
use crate::db::classes;
use crate::error::Error;

/// One class
#[utoipa::path(
    tag = "classes",
    params(("id" = ClassId, Path)),
    responses(
        NotFoundRefusal, Unavailability,
        (status = 200, body = Class),
    ),
)]
#[get("/api/classes/{id}")]
pub async fn read_class(
    state: web::Data<Booking>,
    tenant: HostTenant,
    id: Path<ClassId>,
) -> Result<web::Json<Class>, Error> {
    let class = transaction(&state.platform.database, &Scope::tenant(tenant.0), "read_class", async |tx| {
        classes::find(tx, tenant.0, id.0).await?.ok_or(Error::NotFound)
    })
    .await?;
    Ok(web::Json(class.into()))
}
