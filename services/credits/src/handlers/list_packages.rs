//! `GET /api/credits/packages`: what is on sale.

use actix_web::{get, web};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::PackageId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::HostTenant;
use shinkofa_kernel::Currency;
use shinkofa_web::{Cursor, Page, PageLimit, ParameterRefusal, Query, Unavailability};
use utoipa::{IntoParams, ToSchema};

use crate::Credits;
use crate::db::packages;
use crate::error::Error;

/// A package of credits on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Package {
    pub(crate) id: PackageId,
    #[schema(example = "Ten classes")]
    pub(crate) name: String,
    #[schema(example = 10)]
    pub(crate) credits: i32,
    /// In minor units of the currency: 9999 for 99.99 EUR.
    #[schema(example = 14_500)]
    pub(crate) price_minor: i64,
    pub(crate) currency: Currency,
    /// Days from the payment to the expiry of the credits; null when they never expire.
    #[schema(required = true, example = 365)]
    pub(crate) validity_days: Option<i32>,
}

impl From<packages::Package> for Package {
    fn from(row: packages::Package) -> Self {
        Self {
            id: row.id,
            name: row.name,
            credits: row.credits,
            price_minor: row.price_minor,
            currency: row.currency,
            validity_days: row.validity_days,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListPackagesQuery {
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<PackageId>>,
}

/// Packages on sale
///
/// Those of the studio whose address is asked, oldest first.
#[utoipa::path(
    tag = "credits",
    params(ListPackagesQuery),
    responses(
        ParameterRefusal, Unavailability,
        (status = 200, body = Page<Package>),
    ),
)]
#[get("/api/credits/packages")]
pub(crate) async fn list_packages(
    state: web::Data<Credits>,
    tenant: HostTenant,
    query: Query<ListPackagesQuery>,
) -> Result<web::Json<Page<Package>>, Error> {
    let (tenant, Query(query)) = (tenant.0, query);
    let after = query.cursor.map(|cursor| cursor.0);
    let rows = transaction(&state.platform.database, &Scope::tenant(tenant), "list_packages", async |tx| {
        Ok::<_, Error>(packages::page(tx, tenant, after, query.limit.probe()).await?)
    })
    .await?;
    Ok(web::Json(Page::new(rows, query.limit, |row| row.id, Package::from)))
}
