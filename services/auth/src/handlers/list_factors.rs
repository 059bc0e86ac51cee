//! `GET /api/auth/mfa/factors`

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::{CurrentActor, OwnActor};
use shinkofa_web::{CallerRefusals, Unavailability};
use utoipa::ToSchema;

use crate::Auth;
use crate::db::factors::{self, Factor, FactorId};
use crate::db::recovery_codes;
use crate::db::remembered_devices::{self, RememberedDevice, RememberedDeviceId};
use crate::domain::account::FactorKind;
use crate::domain::second_factor::is_mandatory;
use crate::error::Error;
use crate::liveness::{Claimed, require_live};

/// How somebody shows that they are themselves, beside their password.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactors {
    /// Whether the role needs one.
    mandatory: bool,
    items: Vec<SecondFactor>,
    #[schema(example = 10)]
    recovery_codes_left: i64,
    /// Devices that leave out the second factor for now.
    remembered_devices: Vec<RememberedDeviceView>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SecondFactor {
    factor_id: FactorId,
    kind: FactorKind,
    created_at: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RememberedDeviceView {
    device_id: RememberedDeviceId,
    /// The program that it was remembered in.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")]
    user_agent: Option<String>,
    remembered_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<Factor> for SecondFactor {
    fn from(factor: Factor) -> Self {
        Self { factor_id: factor.id, kind: factor.kind, created_at: factor.created_at }
    }
}

impl From<RememberedDevice> for RememberedDeviceView {
    fn from(device: RememberedDevice) -> Self {
        Self {
            device_id: device.id,
            user_agent: device.user_agent,
            remembered_at: device.remembered_at,
            last_used_at: device.last_used_at,
            expires_at: device.expires_at,
        }
    }
}

/// My second factors
///
/// With how many recovery codes are left, and the devices that are remembered.
#[utoipa::path(
    tag = "second factors",
    security(("bearer" = [])),
    responses(
        CallerRefusals, Unavailability,
        (status = 200, body = SecondFactors),
    ),
)]
#[get("/api/auth/mfa/factors")]
pub async fn list_factors(auth: web::Data<Auth>, OwnActor(actor): OwnActor) -> Result<HttpResponse, Error> {
    let scope = Scope::realm(auth.realm).with_tenant(actor.tenant_id).with_user(actor.user_id);
    let found = transaction(&auth.platform.database, &scope, "list_factors", async |tx| {
        look(tx, &auth, &actor).await
    })
    .await?;
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(found))
}

async fn look(tx: &mut Connection, auth: &Auth, actor: &CurrentActor) -> Result<SecondFactors, Error> {
    let now = auth.platform.clock.now();
    let (account, membership) = require_live(tx, auth.realm, Claimed::from(actor), now).await?;
    let items = factors::confirmed(tx, auth.realm, account.id).await?;
    let devices =
        remembered_devices::of_user(tx, (auth.realm, account.id, account.token_version), now).await?;
    Ok(SecondFactors {
        mandatory: is_mandatory(&membership.authority().weight()),
        items: items.into_iter().map(Into::into).collect(),
        recovery_codes_left: recovery_codes::left(tx, auth.realm, account.id).await?,
        remembered_devices: devices.into_iter().map(Into::into).collect(),
    })
}
