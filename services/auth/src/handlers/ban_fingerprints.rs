//! `POST /internal/v1/bans`

use std::net::IpAddr;

use actix_web::{HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_contracts::auth::BanScope;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::RequireScope;
use shinkofa_kernel::macros::uuid::Uuid;
use shinkofa_kernel::{Actor, TenantId, UserId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ClientNetwork, NotFoundRefusal, Problem, Unavailability,
};
use utoipa::ToSchema;

use crate::Auth;
use crate::banning::ban;
use crate::db::{bans, memberships};
use crate::domain::administration::Reason;
use crate::domain::audit::AuditAction;
use crate::domain::ban::{mark, network_mark};
use crate::domain::device::DeviceId;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::withdrawal::{end_sessions, forget_here};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BanRequest {
    /// Chosen by the caller: the same ban again changes nothing.
    ban_id: Uuid,
    /// Everything this member is known by: their devices, and where they are signed in from. What they are signed in on here ends.
    user_id: Option<UserId>,
    /// What a client calls its device.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "phone-7f3a")]
    device_id: Option<DeviceId>,
    /// The whole network of this address: one IPv4 address, or one IPv6 /64.
    #[schema(value_type = Option<String>, example = "192.0.2.7")]
    address: Option<IpAddr>,
    #[schema(value_type = String, min_length = 3, max_length = 500, example = "Spam in three salons")]
    reason: Reason,
    /// For good when absent.
    until: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BanAnswer {
    ban_id: Uuid,
    /// What was banned, counted: none when the member is known by nothing.
    fingerprints: usize,
}

/// Keep somebody out by what they come with
///
/// At sign-up and at every sign-in in this tenant, with whichever account. Only keyed digests are kept.
#[utoipa::path(
    tag = "trust",
    request_body = BanRequest,
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = BanAnswer),
    ),
)]
#[post("/internal/v1/bans")]
pub async fn ban_fingerprints(
    caller: RequireScope<BanScope>,
    auth: web::Data<Auth>,
    body: Body<BanRequest>,
) -> Result<HttpResponse, Error> {
    let Body(request) = body;
    let tenant = caller.caller.require_tenant()?;
    if request.user_id.is_none() && request.device_id.is_none() && request.address.is_none() {
        let nothing = "one of userId, deviceId and address is needed";
        return Err(Problem::invalid_field("", nothing).into());
    }
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let actor = caller.caller.user_id.map_or_else(|| Actor::service(&caller.caller.name), Actor::user);
    let (fingerprints, ended) =
        transaction(&auth.platform.database, &scope, "ban_fingerprints", async |tx| {
            let marks = marks(tx, &auth, tenant, &request).await?;
            ban(tx, &auth, (tenant, request.ban_id), &marks, (&request.reason, request.until)).await?;
            let details = json!({ "fingerprints": marks.len(), "userId": request.user_id });
            let trail = auth.trail(tenant, actor.clone());
            trail.ban(tx, AuditAction::BanPlaced, request.ban_id, details).await?;
            let ended = match request.user_id {
                Some(user) => end_sessions(tx, &auth, &trail, user, SessionEnd::Banned).await?,
                None => Vec::new(),
            };
            Ok::<_, Error>((marks.len(), ended))
        })
        .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::Ok().json(BanAnswer { ban_id: request.ban_id, fingerprints }))
}

async fn marks(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    request: &BanRequest,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut marks = Vec::new();
    marks.extend(request.device_id.as_ref().map(|device| mark("device", &device.digest())));
    marks.extend(request.address.map(|address| network_mark(ClientNetwork::of(address).as_str())));
    if let Some(user) = request.user_id {
        memberships::find(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
        let (devices, surroundings) = bans::traces_of(tx, auth.realm, user).await?;
        marks.extend(devices.iter().map(|digest| mark("device", digest)));
        marks.extend(surroundings.iter().map(|digest| mark("surroundings", digest)));
    }
    Ok(marks)
}
