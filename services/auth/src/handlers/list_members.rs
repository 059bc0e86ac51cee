//! `GET /api/tenants/members`

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Deserializer};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageMembers;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};

use super::list_users::search_text;
use crate::Auth;
use crate::authority::require_authority;
use crate::db::members::MemberFilter;
use crate::domain::account::MembershipStatus;
use crate::error::Error;
use crate::member_view::{MemberView, page};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MembersQuery {
    #[serde(default, deserialize_with = "search_text")]
    q: Option<String>,
    status: Option<MembershipStatus>,
    #[serde(default, deserialize_with = "role_name")]
    role: Option<String>,
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<UserId>>,
}

/// Any short text: a role that there is not is nobody's.
fn role_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let fits = (1..=40).contains(&text.len()) && !text.contains('\0');
    if fits { Ok(Some(text)) } else { Err(serde::de::Error::custom("must be the name of a role")) }
}

/// Members of this studio
///
/// In the order in which they came. `q` finds part of a name or an address, `role` those who have it. People who belong to other
/// studios alone are not found.
#[utoipa::path(
    tag = "members",
    security(("bearer" = [])),
    params(
        ("q" = Option<String>, Query, max_length = 100, example = "anna"),
        ("status" = Option<MembershipStatus>, Query),
        ("role" = Option<String>, Query, min_length = 1, max_length = 40, example = "coach"),
        ("limit" = Option<i32>, Query, minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<MemberView>),
    ),
)]
#[get("/api/tenants/members")]
pub async fn list_members(
    caller: RequirePermission<ManageMembers>,
    auth: web::Data<Auth>,
    query: Query<MembersQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, query) = (caller.actor, query.0);
    let filter = MemberFilter {
        tenant: actor.tenant_id,
        realm: auth.realm,
        text: query.q,
        status: query.status,
        role: query.role,
        after: query.cursor.map(|cursor| cursor.0),
    };
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let page = transaction(&auth.platform.database, &scope, "list_members", async |tx| {
        require_authority::<ManageMembers>(tx, &auth, &actor).await?;
        page(tx, &filter, query.limit).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
