//! Sends one event to one endpoint, until it arrives or enough was tried.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job, Lane};
use shinkofa_kernel::{Actor, TenantId};
use shinkofa_runtime::outbound::{OutboundError, Target};
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::tenants;
use crate::db::webhooks::{self, Delivery, DeliveryId, Endpoint, Outcome, WebhookId};
use crate::domain::audit::AuditAction;
use crate::domain::webhook::{
    DeliveryFailure, DeliveryState, MOST_GIVEN_UP, MOST_PENDING, Next, TEST_EVENT, WebhookSecret,
    after_failure, message_id, pause_without_turn,
};
use crate::error::Error;

#[derive(Debug, Serialize, Deserialize)]
pub struct DeliverWebhook {
    pub delivery_id: DeliveryId,
}

/// The receiver is gone for good (RFC 9110 section 15.5.11).
const GONE: u16 = 410;

impl Job for DeliverWebhook {
    const NAME: &'static str = "deliver_webhook";
    const LANE: Lane = Lane::Outbound;

    type State = Auth;

    /// Waits for nobody within a transaction. Whoever is stopped between sending and settling sends again under the same id.
    async fn run(self, auth: &Auth, attempt: Attempt) -> Result<(), Failure> {
        let tenant =
            attempt.tenant.ok_or_else(|| Failure::Abort(anyhow::anyhow!("the job has no tenant")))?;
        // Before anything is read: whoever has to wait costs nothing meanwhile.
        let Some(turn) = auth.outbound.turn(tenant) else {
            let age = auth.platform.clock.now() - self.delivery_id.made_at();
            return Err(Failure::Wait(pause_without_turn(age, self.delivery_id.spread())));
        };
        let Some(sending) = prepare(auth, tenant, self.delivery_id).await? else { return Ok(()) };
        let sent = match sending.target {
            Some(target) => auth.outbound.post(turn, &target, sending.headers, sending.body).await,
            // What may be sent to has changed since.
            None => Err(OutboundError::Refused),
        };
        match settle(auth, tenant, (sending.endpoint, self.delivery_id), sent).await? {
            Some(pause) => Err(Failure::Wait(pause)),
            None => Ok(()),
        }
    }
}

struct Sending {
    endpoint: WebhookId,
    target: Option<Target>,
    headers: HeaderMap,
    body: String,
}

/// What is to be sent; nothing where it has arrived, its endpoint is disabled or gone, or its tenant is not open.
async fn prepare(auth: &Auth, tenant: TenantId, id: DeliveryId) -> Result<Option<Sending>, Error> {
    let now = auth.platform.clock.now();
    transaction(&auth.platform.database, &Scope::tenant(tenant), "prepare_webhook_delivery", async |tx| {
        let delivery = webhooks::lock_delivery(tx, tenant, id).await?;
        let Some(delivery) = delivery.filter(|known| known.state == DeliveryState::Pending) else {
            return Ok(None);
        };
        let endpoint = webhooks::find(tx, tenant, delivery.endpoint_id).await?;
        let Some(endpoint) = endpoint else { return Ok(None) };
        let is_open = tenants::find(tx, tenant).await?.is_some_and(|tenant| tenant.is_open());
        if endpoint.disabled_at.is_some() || !is_open {
            let outcome = Outcome {
                state: DeliveryState::GivenUp,
                attempts: delivery.attempts,
                status: delivery.last_status,
                failure: Some(DeliveryFailure::Disabled),
            };
            webhooks::settle(tx, (tenant, id), outcome, now).await?;
            return Ok(None);
        }
        Ok::<_, Error>(Some(sending(auth, &endpoint, &delivery)?))
    })
    .await
}

/// Signed anew at each attempt, so that receivers can refuse what is old.
fn sending(auth: &Auth, endpoint: &Endpoint, delivery: &Delivery) -> Result<Sending, Fault> {
    let now = auth.platform.clock.now();
    let body = delivery.payload.to_string();
    let previous =
        endpoint.previous_sealed.as_ref().filter(|_| endpoint.previous_until.is_some_and(|end| now < end));
    let signatures: Vec<String> = [Some(&endpoint.secret_sealed), previous]
        .into_iter()
        .flatten()
        .map(|sealed| {
            secret(auth, endpoint.id, sealed).map(|secret| secret.signature((delivery.event_id, now), &body))
        })
        .collect::<Result<_, Fault>>()?;
    let value = |text: String| HeaderValue::try_from(text).map_err(Fault::unexpected);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("shinkofa-webhooks"));
    headers.insert(HeaderName::from_static("webhook-id"), value(message_id(delivery.event_id))?);
    headers.insert(HeaderName::from_static("webhook-timestamp"), value(now.timestamp().to_string())?);
    headers.insert(HeaderName::from_static("webhook-signature"), value(signatures.join(" "))?);
    Ok(Sending { endpoint: endpoint.id, target: auth.outbound.target(&endpoint.url).ok(), headers, body })
}

fn secret(auth: &Auth, endpoint: WebhookId, sealed: &str) -> Result<WebhookSecret, Fault> {
    let bytes = auth.sealing.open(&Endpoint::sealed_for(endpoint), sealed).map_err(Fault::unexpected)?;
    WebhookSecret::from_slice(&bytes)
        .ok_or_else(|| Fault::unexpected("a webhook's secret has another length"))
}

/// Writes down what became of an attempt. Returns how long to wait for the next, if there is one.
async fn settle(
    auth: &Auth,
    tenant: TenantId,
    (endpoint, delivery): (WebhookId, DeliveryId),
    sent: Result<u16, OutboundError>,
) -> Result<Option<Duration>, Error> {
    let now = auth.platform.clock.now();
    transaction(&auth.platform.database, &Scope::tenant(tenant), "settle_webhook_delivery", async |tx| {
        let Some(endpoint) = webhooks::lock(tx, tenant, endpoint).await? else { return Ok(None) };
        let delivery = webhooks::lock_delivery(tx, tenant, delivery).await?;
        let Some(delivery) = delivery.filter(|known| known.state == DeliveryState::Pending) else {
            return Ok(None);
        };
        let (outcome, pause) = judge(&delivery, sent);
        // This one among them: past as many nothing more is told, and that must not go unnoticed.
        let is_behind = webhooks::has_more_pending(tx, (tenant, endpoint.id), MOST_PENDING).await?;
        webhooks::settle(tx, (tenant, delivery.id), outcome, now).await?;
        if delivery.event_type != TEST_EVENT {
            note_health(tx, auth, tenant, (&endpoint, outcome, is_behind)).await?;
        }
        Ok::<_, Error>(pause)
    })
    .await
}

fn judge(delivery: &Delivery, sent: Result<u16, OutboundError>) -> (Outcome, Option<Duration>) {
    let attempts = delivery.attempts + 1;
    let status = sent.ok().map(i32::from);
    let failure = match sent {
        Ok(200..300) => None,
        Ok(_) => Some(DeliveryFailure::Status),
        Err(OutboundError::Unresolved) => Some(DeliveryFailure::Unresolved),
        Err(OutboundError::Refused) => Some(DeliveryFailure::RefusedAddress),
        Err(OutboundError::TimedOut) => Some(DeliveryFailure::TimedOut),
        Err(OutboundError::Unreachable) => Some(DeliveryFailure::Unreachable),
    };
    if failure.is_none() {
        return (Outcome { state: DeliveryState::Delivered, attempts, status, failure }, None);
    }
    // Whoever tries an endpoint is waiting for the answer.
    let is_last = sent == Ok(GONE) || delivery.event_type == TEST_EVENT;
    match after_failure(attempts) {
        Next::Again(pause) if !is_last => {
            let outcome = Outcome { state: DeliveryState::Pending, attempts, status, failure };
            (outcome, Some(pause.to_std().unwrap_or_default()))
        }
        _ => (Outcome { state: DeliveryState::GivenUp, attempts, status, failure }, None),
    }
}

/// An endpoint that takes nothing any more, or less than there is to tell, is not sent to any more.
async fn note_health(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (endpoint, outcome, is_behind): (&Endpoint, Outcome, bool),
) -> Result<(), Error> {
    let given_up = match outcome.state {
        DeliveryState::Pending => endpoint.given_up,
        DeliveryState::Delivered => 0,
        DeliveryState::GivenUp => endpoint.given_up + 1,
    };
    if endpoint.disabled_at.is_none()
        && let Some(reason) = dead_because(outcome, given_up, is_behind)
    {
        webhooks::set_disabled(tx, (tenant, endpoint.id), Some(auth.platform.clock.now())).await?;
        // Whoever enables it again begins with what happens then.
        webhooks::abandon_pending(tx, (tenant, endpoint.id)).await?;
        let trail = auth.trail(tenant, Actor::service("auth"));
        let details = json!({ "reason": reason });
        return Ok(trail.webhook(tx, AuditAction::WebhookDisabled, endpoint.id, details).await?);
    }
    if given_up != endpoint.given_up {
        webhooks::count_given_up(tx, (tenant, endpoint.id), given_up).await?;
    }
    Ok(())
}

fn dead_because(outcome: Outcome, given_up: i32, is_behind: bool) -> Option<&'static str> {
    let is_given_up = outcome.state == DeliveryState::GivenUp;
    if is_given_up && outcome.status == Some(i32::from(GONE)) {
        Some("gone")
    } else if is_given_up && given_up >= MOST_GIVEN_UP {
        Some("failing")
    } else {
        is_behind.then_some("backlog")
    }
}
