//! `GET /api/classes`

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::ClassId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_web::{Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::IntoParams;

use super::create_class::Class;
use crate::Booking;
use crate::db::classes;
use crate::error::Error;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListClassesQuery {
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ClassId>>,
}

/// The studio's classes
///
/// In the order in which they were created.
#[utoipa::path(
    tag = "classes",
    params(ListClassesQuery),
    responses(
        ParameterRefusal, Unavailability,
        (status = 200, body = Page<Class>),
    ),
)]
#[get("/api/classes")]
pub async fn list_classes(
    state: web::Data<Booking>,
    tenant: HostTenant,
    query: Query<ListClassesQuery>,
) -> Result<web::Json<Page<Class>>, Error> {
    let (tenant, query) = (tenant.0, query.0);
    let after = query.cursor.map(|cursor| cursor.0);
    let rows = transaction(&state.platform.database, &Scope::tenant(tenant), "list_classes", async |tx| {
        Ok::<_, Error>(classes::list(tx, tenant, after, query.limit.probe()).await?)
    })
    .await?;
    Ok(web::Json(Page::new(rows, query.limit, |row| row.id, Class::from)))
}
