//! The privacy contract: every service can tell what it knows about a person.

use actix_web::{get, web};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_kernel::UserId;
use shinkofa_web::{CallerRefusals, Fault, Path, Problem};
use utoipa::ToSchema;

use crate::Service;

/// Collecting a person's data for a copy they asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrivacyScope;

impl shinkofa_identity::Scope for PrivacyScope {
    const NAME: &'static str = "privacy";
}

/// Everything one service knows about one person.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonalExport {
    service: &'static str,
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

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
                Ok(PersonalExport { service: S::NAME, data })
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
