//! A webhook as staff see it, and what all that is done to one begins with.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_db::Connection;
use shinkofa_identity::CurrentActor;
use shinkofa_identity::permissions::ManageWebhooks;
use shinkofa_kernel::UserId;
use shinkofa_runtime::outbound::Target;
use shinkofa_web::{Fault, Problem};
use utoipa::ToSchema;

use crate::Auth;
use crate::authority::require_authority;
use crate::db::tenants;
use crate::db::webhooks::{self, Endpoint, WebhookId};
use crate::domain::webhook::{WebhookEventType, WebhookSecret};
use crate::error::Error;

/// Where this tenant's events are sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    pub id: WebhookId,
    #[schema(format = "uri", example = "https://hooks.example.org/shinkofa")]
    url: String,
    #[schema(example = "Tells the office of locked members")]
    description: String,
    #[schema(example = json!(["membership.locked", "session.ended"]))]
    event_types: Vec<WebhookEventType>,
    enabled: bool,
    created_by: UserId,
    created_at: DateTime<Utc>,
    /// By staff, or because nothing arrived any more.
    #[schema(required = true)]
    disabled_at: Option<DateTime<Utc>>,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            event_types: endpoint.event_types().into_list(),
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            enabled: endpoint.disabled_at.is_none(),
            created_by: endpoint.created_by,
            created_at: endpoint.created_at,
            disabled_at: endpoint.disabled_at,
        }
    }
}

/// A webhook, this once with the secret that its deliveries are signed with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookWithSecret {
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// Give it to the receiver, which checks `webhook-signature` with it (standardwebhooks.com). It is not shown again.
    #[schema(example = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")]
    pub secret: String,
}

/// Is this an address that may be sent to? What its name means is looked at whenever something is sent.
pub fn target(auth: &Auth, url: &str) -> Result<Target, Problem> {
    auth.outbound.target(url).map_err(|refusal| Problem::invalid_field("/url", refusal.to_string()))
}

pub fn seal(auth: &Auth, endpoint: WebhookId, secret: &WebhookSecret) -> Result<String, Fault> {
    auth.sealing.seal(&Endpoint::sealed_for(endpoint), secret.as_bytes()).map_err(Fault::unexpected)
}

/// The endpoint, for somebody who may manage it; [`Error::NotFound`] where there is none here.
pub async fn managed(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: WebhookId,
) -> Result<Endpoint, Error> {
    require_authority::<ManageWebhooks>(tx, auth, actor).await?;
    webhooks::find(tx, actor.tenant_id, id).await?.ok_or(Error::NotFound)
}

/// The same, and nobody else changes it until the transaction ends.
pub async fn managed_alone(
    tx: &mut Connection,
    auth: &Auth,
    actor: &CurrentActor,
    id: WebhookId,
) -> Result<Endpoint, Error> {
    // Whoever takes the account back from somebody else is waited for, and the session is over then; or waits, and misses nothing.
    tenants::hold(tx, actor.tenant_id).await?;
    require_authority::<ManageWebhooks>(tx, auth, actor).await?;
    webhooks::lock(tx, actor.tenant_id, id).await?.ok_or(Error::NotFound)
}
