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
use shinkofa_kernel::{Actor, SessionId, TenantId, UserId};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ClientNetwork, NotFoundRefusal, Problem, Unavailability,
};
use utoipa::ToSchema;

use crate::Auth;
use crate::banning::ban;
use crate::db::audit::Trail;
use crate::db::{bans, memberships, scope};
use crate::domain::administration::Reason;
use crate::domain::audit::AuditAction;
use crate::domain::ban::Mark;
use crate::domain::device::DeviceId;
use crate::domain::session::SessionEnd;
use crate::error::Error;
use crate::withdrawal::{end_sessions, forget_here};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BanRequest {
    /// Chosen by the caller: a ban that there is under this id already stays as it is. Lift it to say it differently.
    ban_id: Uuid,
    /// This member: the account itself, and everything it is known by, which is its devices and where it is signed in from. What it is
    /// signed in on here ends.
    pub user_id: Option<UserId>,
    /// What a client calls its device.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "tablet-c41e")]
    device_id: Option<DeviceId>,
    /// The whole network of this address: one IPv4 address, or one IPv6 /64.
    #[schema(value_type = Option<String>, example = "192.0.2.7")]
    address: Option<IpAddr>,
    #[schema(value_type = String, min_length = 3, max_length = 500, example = "Spam in three salons")]
    reason: Reason,
    /// For good when absent.
    until: Option<DateTime<Utc>>,
}

impl BanRequest {
    pub fn require_something(&self) -> Result<(), Problem> {
        if self.user_id.is_some() || self.device_id.is_some() || self.address.is_some() {
            Ok(())
        } else {
            Err(Problem::invalid_field("", "one of userId, deviceId and address is needed"))
        }
    }

    /// Does it name a device or a network, whosoever they are?
    pub fn names_more_than_a_member(&self) -> bool {
        !self.named().is_empty()
    }

    /// What it names by itself.
    fn named(&self) -> Vec<Mark> {
        let device = self.device_id.as_ref().map(|device| Mark::device(&device.digest()));
        let network = self.address.map(|address| Mark::network(ClientNetwork::of(address).as_str()));
        device.into_iter().chain(network).collect()
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BanAnswer {
    ban_id: Uuid,
    /// What was banned, counted.
    #[schema(example = 3)]
    fingerprints: i64,
}

/// Keep somebody out by who they are and what they come with
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
    request.require_something()?;
    let scope = Scope::realm(auth.realm).with_tenant(tenant);
    let actor = caller.caller.user_id.map_or_else(|| Actor::service(&caller.caller.name), Actor::user);
    let trail = auth.trail(tenant, actor);
    let (answer, ended) = transaction(&auth.platform.database, &scope, "ban_fingerprints", async |tx| {
        place(tx, &auth, &trail, (&request, &[])).await
    })
    .await?;
    forget_here(&auth, &ended);
    Ok(HttpResponse::Ok().json(answer))
}

/// The same by whoever may. What they come with themselves is `own`: it is no trace of somebody else, and not banned by itself either.
pub async fn place(
    tx: &mut Connection,
    auth: &Auth,
    trail: &Trail,
    (request, own): (&BanRequest, &[Mark]),
) -> Result<(BanAnswer, Vec<SessionId>), Error> {
    let id = request.ban_id;
    let standing = bans::named_by(tx, trail.tenant, id).await?;
    if standing > 0 {
        return Ok((BanAnswer { ban_id: id, fingerprints: standing }, Vec::new()));
    }
    let mut marks = request.named();
    if marks.iter().any(|mark| own.contains(mark)) {
        return Err(Error::OwnSurroundings);
    }
    if let Some(user) = request.user_id {
        let known_by = marks_of_member(tx, auth, trail.tenant, user).await?;
        marks.extend(known_by.into_iter().filter(|mark| !own.contains(mark)));
    }
    marks.sort_unstable();
    marks.dedup();
    let mut ended = Vec::new();
    // Of the same one asked for twice at once, one is the first.
    if ban(tx, auth, (trail, id), &marks, (&request.reason, request.until)).await? {
        let details = json!({ "fingerprints": marks.len(), "userId": request.user_id });
        trail.ban(tx, AuditAction::BanPlaced, id, details).await?;
        if let Some(user) = request.user_id {
            ended = end_sessions(tx, auth, trail, user, SessionEnd::Banned).await?;
        }
    }
    let fingerprints = bans::named_by(tx, trail.tenant, id).await?;
    Ok((BanAnswer { ban_id: id, fingerprints }, ended))
}

async fn marks_of_member(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<Mark>, Error> {
    // Whoever is just signing in is waited for, so that nothing they open is missed.
    memberships::hold(tx, tenant, &[user]).await?;
    memberships::find(tx, tenant, user).await?.ok_or_else(Problem::not_found)?;
    scope::enter_person(tx, user).await?;
    let (devices, surroundings) = bans::traces_of(tx, auth.realm, user).await?;
    let mut marks = vec![Mark::account(user)];
    marks.extend(devices.iter().map(|digest| Mark::device(digest)));
    marks.extend(surroundings.iter().map(|digest| Mark::surroundings(digest)));
    Ok(marks)
}
