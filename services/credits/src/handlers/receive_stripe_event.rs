//! `POST /api/webhooks/stripe`: Stripe tells that something happened.
//!
//! The event is noted and a job enqueued, in one transaction, and the answer leaves: what really is the case the job
//! fetches from Stripe. An event whose signature does not hold leaves no trace.

use actix_web::{HttpRequest, HttpResponse, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::PaymentId;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::{TenantId, failpoint};
use shinkofa_web::{ProblemDocument, Unavailability};
use utoipa::ToSchema;

use crate::clients::stripe::{PAYMENT_KEY, TENANT_KEY};
use crate::db::stripe_events::RecordEvent;
use crate::domain::signature::SignatureFault;
use crate::error::Error;
use crate::jobs::settle_payment::SettlePayment;
use crate::{Credits, measures};

/// As much of an event as leads to its payment. The rest may change with Stripe's versions and is not looked at.
#[derive(Debug, Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    livemode: bool,
    #[serde(default)]
    account: Option<String>,
    data: Subject,
}

#[derive(Debug, Deserialize)]
struct Subject {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Object {
    /// The payment that our own metadata names.
    fn payment(&self) -> Option<(TenantId, PaymentId)> {
        let metadata = |key: &str| self.metadata.as_ref()?.get(key)?.as_str();
        Some((metadata(TENANT_KEY)?.parse().ok()?, metadata(PAYMENT_KEY)?.parse().ok()?))
    }

    fn session(&self) -> Option<String> {
        self.id.clone().filter(|_| self.object.as_deref() == Some("checkout.session"))
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventReceipt {
    received: bool,
}

/// Stripe's webhook
///
/// For Stripe alone: the signature over the raw body is the credential.
#[utoipa::path(
    tag = "payment",
    params(("Stripe-Signature" = String, Header, example = "t=1796115600,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd", description = "https://docs.stripe.com/webhooks#verify-manually")),
    request_body(content = Object, content_type = "application/json", description = "An event of Stripe's."),
    responses(
        Unavailability,
        (status = 200, body = EventReceipt),
        (status = 400, body = ProblemDocument, content_type = "application/problem+json", description = "`signature_missing`, `signature_invalid` or `signature_stale`, or `malformed_request` where it is no event"),
        (status = 413, body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
#[post("/api/webhooks/stripe")]
pub(crate) async fn receive_stripe_event(
    state: web::Data<Credits>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Error> {
    let body = body.map_err(|error| match error.as_response_error().status_code().as_u16() {
        413 => Error::BodyTooLarge,
        _ => Error::UnreadableEvent,
    })?;
    let signature = request.headers().get("stripe-signature").and_then(|value| value.to_str().ok());
    signature
        .ok_or(SignatureFault::Malformed)
        .and_then(|signature| state.webhook_secrets.verify(signature, &body, state.now()))
        .map_err(|fault| {
            measures::webhook("unverified", "refused");
            Error::Signature(fault)
        })?;
    let event: Envelope = serde_json::from_slice(&body).map_err(|_| Error::UnreadableEvent)?;
    let outcome = accept(&state, &event).await?;
    measures::webhook(&event.kind, outcome);
    Ok(HttpResponse::Ok().json(EventReceipt { received: true }))
}

async fn accept(state: &Credits, event: &Envelope) -> Result<&'static str, Error> {
    let told_at = DateTime::from_timestamp(event.created, 0).ok_or(Error::UnreadableEvent)?;
    // An event of a connected account or of the other mode speaks of objects that our key cannot fetch.
    let ours = event.account.is_none() && state.stripe.is_of_mode(event.livemode);
    let payment = event.data.object.payment().filter(|_| ours);
    let fresh =
        transaction(&state.platform.database, &Scope::infrastructure(), "receive_event", async |tx| {
            let fresh = record(event, payment, (told_at, state.now())).record(tx).await?;
            if let (true, Some((tenant, payment_id))) = (fresh, payment) {
                let job = SettlePayment {
                    payment_id,
                    session_id: event.data.object.session(),
                    told_at: Some(told_at),
                };
                shinkofa_jobs::enqueue(tx, &state.platform.clock, Some(tenant), state.now(), &job).await?;
            }
            failpoint!("credits.receive_event.before");
            Ok::<_, Error>(fresh)
        })
        .await?;
    failpoint!("credits.receive_event.after");
    state.platform.committed();
    Ok(match (fresh, payment) {
        (false, _) => "duplicate",
        (true, None) => "ignored",
        (true, Some(_)) => "accepted",
    })
}

fn record(
    event: &Envelope,
    payment: Option<(TenantId, PaymentId)>,
    (told_at, now): (DateTime<Utc>, DateTime<Utc>),
) -> RecordEvent {
    let (tenant, payment) = payment.unzip();
    RecordEvent {
        told_account: event.account.clone().unwrap_or_default(),
        told_id: event.id.clone(),
        told_type: event.kind.clone(),
        told_object: event.data.object.id.clone().unwrap_or_default(),
        tenant,
        payment,
        told_at,
        now,
    }
}
