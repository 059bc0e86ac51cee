//! `GET /api/sessions`

use actix_web::{get, web};
use chrono_tz::Tz;
use serde::Deserialize;
use shinkofa_contracts::ClassSessionId;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::TenantId;
use shinkofa_web::{Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::IntoParams;

use super::create_session::Session;
use crate::Booking;
use crate::db::sessions;
use crate::domain::{Instant, Window, WindowError};
use crate::error::Error;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSessionsQuery {
    /// Sessions that start at or after this instant. Now, unless given.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    from: Option<Instant>,
    /// Sessions that start before this instant: at most 92 days later. 7 days later, unless given.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    to: Option<Instant>,
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<(Instant, ClassSessionId)>>,
}

/// The calendar
///
/// Sessions that start within `[from, to)`, by start.
#[utoipa::path(
    tag = "sessions",
    params(ListSessionsQuery),
    responses(
        ParameterRefusal, Unavailability,
        (status = 200, body = Page<Session>),
    ),
)]
#[get("/api/sessions")]
pub async fn list_sessions(
    state: web::Data<Booking>,
    tenant: HostTenant,
    query: Query<ListSessionsQuery>,
) -> Result<web::Json<Page<Session>>, Error> {
    let (tenant, query) = (tenant.0, query.0);
    let window = Window::new(query.from, query.to, state.platform.clock.now()).map_err(refused)?;
    let after = query.cursor.map(|Cursor((start, id))| (start.get(), id));
    let rows = transaction(&state.platform.database, &Scope::tenant(tenant), "list_sessions", async |tx| {
        if !window.is_short() {
            window.check_in(time_zone(tx, tenant).await?).map_err(refused)?;
        }
        Ok::<_, Error>(sessions::list(tx, tenant, window, after, query.limit.probe()).await?)
    })
    .await?;
    let key = |(row, _): &(sessions::SessionRow, String)| (Instant::from(row.starts_at), row.id);
    Ok(web::Json(Page::new(rows, query.limit, key, Session::from)))
}

fn refused(error: WindowError) -> Error {
    Error::InvalidField { pointer: "to", detail: error.to_string() }
}

/// Where the studio is: its days may be longer than 24 hours.
async fn time_zone(tx: &mut Connection, tenant: TenantId) -> Result<Tz, Error> {
    let tenants = shinkofa_runtime::tenants(tx).await?;
    let zone =
        tenants.into_iter().find(|known| known.id == tenant).and_then(|known| known.time_zone.parse().ok());
    Ok(zone.unwrap_or(Tz::UTC))
}
