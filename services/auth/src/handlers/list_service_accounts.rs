//! `GET /api/tenants/service-accounts`

use actix_web::{HttpResponse, get, web};
use serde::Deserialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequirePermission;
use shinkofa_identity::permissions::ManageServiceAccounts;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};

use crate::Auth;
use crate::authority::require_authority;
use crate::db::service_accounts;
use crate::error::Error;
use crate::service_account_view::ServiceAccountView;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountsQuery {
    #[serde(default)]
    limit: PageLimit,
    cursor: Option<Cursor<UserId>>,
}

/// The service accounts of this tenant
///
/// In the order in which they were made.
#[utoipa::path(
    tag = "service accounts",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200, description = "50 unless asked"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = Page<ServiceAccountView>),
    ),
)]
#[get("/api/tenants/service-accounts")]
pub async fn list_service_accounts(
    caller: RequirePermission<ManageServiceAccounts>,
    auth: web::Data<Auth>,
    query: Query<ServiceAccountsQuery>,
) -> Result<HttpResponse, Error> {
    let (actor, Query(ServiceAccountsQuery { limit, cursor })) = (caller.actor, query);
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let found = transaction(&auth.platform.database, &scope, "list_service_accounts", async |tx| {
        require_authority::<ManageServiceAccounts>(tx, &auth, &actor).await?;
        let after = cursor.map(|Cursor(id)| id);
        let page = (after, limit.probe());
        Ok::<_, Error>(service_accounts::list(tx, (actor.tenant_id, auth.realm), page).await?)
    })
    .await?;
    let page = Page::new(found, limit, |account| account.user_id, ServiceAccountView::from);
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(page))
}
