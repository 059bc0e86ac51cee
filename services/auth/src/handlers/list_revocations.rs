//! `GET /internal/v1/revocations`

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::auth::{RevocationPage, TrustScope};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_web::{CallerRefusals, ParameterRefusal, Query, Unavailability};

use crate::Auth;
use crate::db::revocations;
use crate::error::Error;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationQuery {
    #[serde(default)]
    after: i64,
}

/// What was revoked since a cursor
///
/// Nothing is ever missing from the cursor on; what was revoked a moment ago may be told twice. A page with `next` is full: whoever
/// reads on from there until there is none has everything.
#[utoipa::path(
    tag = "trust",
    params(("after" = Option<i64>, Query, description = "The cursor of the last answer; absent = everything that still matters")),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = RevocationPage),
    ),
)]
#[get("/internal/v1/revocations")]
pub async fn list_revocations(
    _caller: RequireScope<TrustScope>,
    auth: web::Data<Auth>,
    query: Query<RevocationQuery>,
) -> Result<web::Json<RevocationPage>, Error> {
    let after = query.0.after;
    let page =
        transaction(&auth.platform.database, &Scope::infrastructure(), "list_revocations", async |tx| {
            Ok::<_, Error>(revocations::after(tx, after).await?)
        })
        .await?;
    Ok(web::Json(page))
}
