//! Seals the secrets of webhooks with the key that seals now, so that a key before it can be taken away.

use serde::{Deserialize, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::tenants;
use shinkofa_web::Fault;

use crate::Auth;
use crate::db::webhooks::{self, Endpoint, WebhookId};
use crate::error::Error;

/// Nothing, mostly. After a new key was put first: everything. A tenant has few.
#[derive(Debug, Serialize, Deserialize)]
pub struct ResealWebhooks {}

impl Job for ResealWebhooks {
    const NAME: &'static str = "reseal_webhooks";
    type State = Auth;

    async fn run(self, auth: &Auth, _attempt: Attempt) -> Result<(), Failure> {
        let database = &auth.platform.database;
        let tenants = transaction(database, &Scope::infrastructure(), "list_tenants", async |tx| {
            Ok::<_, Error>(tenants(tx).await?)
        })
        .await?;
        for tenant in tenants {
            reseal(auth, tenant.id).await?;
        }
        Ok(())
    }
}

async fn reseal(auth: &Auth, tenant: TenantId) -> Result<(), Error> {
    transaction(&auth.platform.database, &Scope::tenant(tenant), "reseal_webhooks", async |tx| {
        for endpoint in webhooks::lock_sealed_otherwise_here(tx, auth.sealing.current_kid()).await? {
            let secret = resealed(auth, endpoint.id, &endpoint.secret_sealed)?;
            let before = endpoint.previous_sealed.as_ref().map(|sealed| resealed(auth, endpoint.id, sealed));
            let before = before.transpose()?;
            let previous = before.as_deref().zip(endpoint.previous_until);
            webhooks::set_secrets(tx, (tenant, endpoint.id), (&secret, previous)).await?;
        }
        Ok::<_, Error>(())
    })
    .await
}

fn resealed(auth: &Auth, endpoint: WebhookId, sealed: &str) -> Result<String, Fault> {
    let context = Endpoint::sealed_for(endpoint);
    let secret = auth.sealing.open(&context, sealed).map_err(Fault::unexpected)?;
    auth.sealing.seal(&context, &secret).map_err(Fault::unexpected)
}
