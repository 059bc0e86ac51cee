//! `POST /api/credits/packages`: puts a package on sale.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::PackageId;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::{RequirePermission, permissions};
use shinkofa_kernel::Currency;
use shinkofa_runtime::Confirmed;
use shinkofa_web::idempotency::{self, Begin, IdempotencyKey, Operation};
use shinkofa_web::{Body, BodyRefusals, CallerRefusals, ConfirmedUnavailability, ProblemDocument};
use utoipa::ToSchema;

use crate::Credits;
use crate::db::packages;
use crate::domain::package::{CreditCount, PackageName, Price, PriceMinor, ValidityDays};
use crate::error::Error;
use crate::handlers::list_packages::Package;

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreatePackageRequest {
    #[schema(value_type = String, min_length = 1, max_length = 120, pattern = r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$", example = "Ten classes")]
    name: PackageName,
    #[schema(value_type = i32, minimum = 1, maximum = 10_000, example = 10)]
    credits: CreditCount,
    /// In minor units of the currency. Currencies with three decimals are charged in steps of ten.
    #[schema(value_type = i64, minimum = 1, maximum = 99_999_999, example = 14_500)]
    price_minor: PriceMinor,
    currency: Currency,
    /// Days from the payment to the expiry of the credits. Absent: they never expire.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 3650, example = 365)]
    validity_days: Option<ValidityDays>,
}

/// Put a package on sale
///
/// With an `Idempotency-Key`, a repeated request puts it on sale once.
#[utoipa::path(
    tag = "credits",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters.")),
    request_body = CreatePackageRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, ConfirmedUnavailability,
        (status = 201, body = Package),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`request_in_progress`"),
    ),
)]
#[post("/api/credits/packages")]
pub(crate) async fn create_package(
    state: web::Data<Credits>,
    Confirmed(manager): Confirmed<RequirePermission<permissions::ManagePackages>>,
    key: Option<IdempotencyKey>,
    body: Body<CreatePackageRequest>,
) -> Result<HttpResponse, Error> {
    let (tenant, user, request) = (manager.actor.tenant_id, manager.actor.user_id, body.0);
    let price = Price::new(request.price_minor, request.currency).map_err(Error::UnsellablePrice)?.money();
    let operation =
        key.map(|key| Operation::new(tenant, user, "create_package", key.as_str(), &request)).transpose()?;
    let package = packages::Package {
        tenant_id: tenant,
        id: PackageId::new(&state.platform.clock),
        name: request.name.as_str().to_owned(),
        credits: request.credits.get(),
        price_minor: price.minor,
        currency: price.currency,
        validity_days: request.validity_days.map(ValidityDays::get),
        created_at: state.now(),
    };
    let scope = Scope::tenant(tenant).with_user(user);
    transaction(&state.platform.database, &scope, "create_package", async |tx| {
        if let Some(operation) = &operation {
            let begun = idempotency::begin(tx, operation, state.now()).await?.map_err(Error::Idempotency)?;
            if let Begin::Replay(answer) = begun {
                return Ok(answer.response());
            }
        }
        packages::insert(tx, &package).await?;
        let created = Package::from(package.clone());
        if let Some(operation) = &operation {
            idempotency::complete(tx, operation, StatusCode::CREATED, &created).await?;
        }
        Ok::<_, Error>(HttpResponse::Created().json(created))
    })
    .await
}
