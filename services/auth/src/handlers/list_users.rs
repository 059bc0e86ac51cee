//! `GET /api/admin/users`

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Deserializer};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageUsers;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};

use crate::Auth;
use crate::authority::require_authority;
use crate::db::members::MemberFilter;
use crate::domain::account::MembershipStatus;
use crate::error::Error;
use crate::member_view::{MemberView, page};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsersQuery {
    #[serde(default, deserialize_with = "search_text")]
    q: Option<String>,
    status: Option<MembershipStatus>,
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<UserId>>,
}

const LONGEST: usize = 100;

/// Nothing to look for finds everybody.
pub fn search_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    if text.chars().count() > LONGEST || text.contains('\0') {
        return Err(serde::de::Error::custom(format!(
            "must have at most {LONGEST} characters, none of them NUL"
        )));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Members of this tenant
///
/// In the order in which they came. `q` finds part of a name or an address. People who belong to other tenants alone are not
/// found.
#[utoipa::path(
    tag = "administration",
    security(("bearer" = [])),
    params(
        ("q" = Option<String>, Query, max_length = 100, example = "anna"),
        ("status" = Option<MembershipStatus>, Query),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<MemberView>),
    ),
)]
#[get("/api/admin/users")]
pub async fn list_users(
    caller: RequirePermission<ManageUsers>,
    auth: web::Data<Auth>,
    query: Query<UsersQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, query) = (caller.actor, query.0);
    let filter = MemberFilter {
        tenant: actor.tenant_id,
        realm: auth.realm,
        text: query.q,
        status: query.status,
        role: None,
        after: query.cursor.map(|cursor| cursor.0),
    };
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let page = transaction(&auth.platform.database, &scope, "list_users", async |tx| {
        require_authority::<ManageUsers>(tx, &auth, &actor).await?;
        page(tx, &filter, query.limit).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
