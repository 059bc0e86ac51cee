//! The privacy contract: every service can tell what it knows about a person, and whether it has forgotten them.

use actix_web::{get, web};
use serde::Deserialize;
use shinkofa_contracts::privacy::{ErasureProgress, PersonalExport, PrivacyScope};
use shinkofa_contracts::{Position, auth};
use shinkofa_db::{Database, Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, Fault, ParameterRefusal, Path, Problem, Query, Unavailability};

use crate::platform_events::SUBSCRIPTION;
use crate::{Platform, Service};

/// Finds the export of the running service behind a plain function, because a route cannot be generic.
#[derive(Clone, Copy)]
pub(crate) struct Exporter(
    pub(crate)  fn(
        &actix_web::HttpRequest,
        shinkofa_kernel::TenantId,
        UserId,
    ) -> futures_util::future::LocalBoxFuture<'static, Result<PersonalExport, Fault>>,
);

impl Exporter {
    pub(crate) fn of<S: Service>() -> Self {
        Self(|request, tenant, user| {
            let service = request.app_data::<web::Data<S>>().cloned();
            Box::pin(async move {
                let service =
                    service.ok_or_else(|| Fault::unexpected("the service is not in the application data"))?;
                let scope = Scope::tenant(tenant).with_user(user);
                let data =
                    transaction(&service.platform().database, &scope, "export_personal_data", async |tx| {
                        service.export_personal_data(tx, user).await
                    })
                    .await?;
                Ok(PersonalExport { service: S::NAME.to_owned(), data })
            })
        })
    }
}

/// A person's data in this service
#[utoipa::path(
    tag = "privacy",
    params(("userId" = UserId, Path)),
    responses(
        CallerRefusals,
        (status = 200, body = PersonalExport),
    ),
)]
#[get("/internal/v1/privacy/exports/{userId}")]
pub(crate) async fn export_personal_data(
    request: actix_web::HttpRequest,
    caller: RequireScope<PrivacyScope>,
    user: Path<UserId>,
    exporter: web::Data<Exporter>,
) -> Result<web::Json<PersonalExport>, Problem> {
    let tenant = caller.caller.require_tenant()?;
    (exporter.0)(&request, tenant, user.0).await.map(web::Json).map_err(|fault| fault.problem())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErasureQuery {
    after: Position,
}

/// Has this service forgotten a person?
///
/// Erasing happens in the transaction that moves the cursor of the platform's subscription, so a cursor past the request is the
/// proof. The service's other subscriptions to auth have to be past it too: they may hold what was told before.
#[utoipa::path(
    tag = "privacy",
    params(("userId" = UserId, Path), ("after" = String, Query, description = "Where in auth's feed the request stands", example = "1042:7")),
    responses(
        CallerRefusals, ParameterRefusal, Unavailability,
        (status = 200, body = ErasureProgress),
    ),
)]
#[get("/internal/v1/privacy/erasures/{userId}")]
pub(crate) async fn erasure_progress(
    _caller: RequireScope<PrivacyScope>,
    user: Path<UserId>,
    query: Query<ErasureQuery>,
    database: web::Data<Database>,
    platform: web::Data<Platform>,
) -> Result<web::Json<ErasureProgress>, Problem> {
    let done = transaction(&database, &Scope::infrastructure(), "erasure_progress", async |tx| {
        let about = ("user", user.0.as_uuid());
        let feed = (auth::SERVICE, SUBSCRIPTION);
        shinkofa_feed::is_past(tx, feed, query.0.after, about).await.map_err(shinkofa_db::Error::from)
    })
    .await
    .map_err(|error| Fault::from(error).problem())?;
    Ok(web::Json(ErasureProgress { service: platform.settings.service.to_owned(), done }))
}
