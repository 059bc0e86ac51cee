//! What every service does with auth's feed: knows the tenants and their own roles, and forgets who must be forgotten.

use shinkofa_contracts::Event;
use shinkofa_contracts::auth::{self, RoleChanged, TenantChanged, UserErasureRequested};
use shinkofa_db::Connection;
use shinkofa_feed::{ApplyError, Subscriber};

use crate::Service;
use crate::tenants::{save_role, save_tenant};

/// Its cursor tells which requests to erase somebody this service has fulfilled.
pub(crate) const SUBSCRIPTION: &str = "auth/platform";

/// Follows auth for any service `S`, beside the service's own subscription.
#[derive(Clone)]
pub struct PlatformEvents<S>(pub S);

impl<S: Service> Subscriber for PlatformEvents<S> {
    fn feed(&self) -> &'static str {
        auth::SERVICE
    }

    fn name(&self) -> &'static str {
        SUBSCRIPTION
    }

    fn concerns(&self, event: &Event) -> bool {
        event.is::<TenantChanged>() || event.is::<RoleChanged>() || event.is::<UserErasureRequested>()
    }

    async fn apply(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        if event.is::<TenantChanged>() {
            save_tenant(tx, event.payload::<TenantChanged>()?).await?;
        } else if event.is::<RoleChanged>() {
            save_role(tx, &event.payload::<RoleChanged>()?).await?;
        } else if event.is::<UserErasureRequested>() {
            let request = event.payload::<UserErasureRequested>()?;
            self.0.erase_personal_data(tx, request.user_id).await?;
        }
        Ok(())
    }
}
