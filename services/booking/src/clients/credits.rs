//! Credits, as booking uses it: every call is idempotent by the reservation's id in its path.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shinkofa_contracts::credits::{
    self, Hold, HoldPage, HoldRequest, HoldState, HoldsScope, RefundReason, RefundRequest,
};
use shinkofa_contracts::{CallError, InternalClient, Peer, ReservationId, UnknownPeer};
use shinkofa_kernel::TenantId;

use crate::domain::{FollowUp, Reservation};

/// A member waits for this call. It is tried twice, so that without an answer they read `pending` within two seconds.
const HOLD_TIMEOUT: Duration = Duration::from_millis(900);

#[derive(Clone)]
pub struct Credits(Peer);

impl Credits {
    pub fn new(peers: &InternalClient) -> Result<Self, UnknownPeer> {
        peers.peer::<HoldsScope>(credits::SERVICE).map(Self)
    }

    /// Sets the price of a reservation aside. After `expires_at` credits asks booking what became of it.
    pub async fn hold(
        &self,
        tenant: TenantId,
        reservation: &Reservation,
        expires_at: DateTime<Utc>,
    ) -> Result<Hold, CallError> {
        let request =
            HoldRequest { user_id: reservation.customer_id, amount: reservation.credits, expires_at };
        let peer = self.0.clone().for_tenant(tenant).for_user(reservation.customer_id).timeout(HOLD_TIMEOUT);
        peer.put(&format!("/internal/v1/holds/{}", reservation.id), &request).await
    }

    /// Tells what became of a reservation.
    pub async fn follow_up(
        &self,
        tenant: TenantId,
        id: ReservationId,
        what: FollowUp,
    ) -> Result<Hold, CallError> {
        let peer = self.0.clone().for_tenant(tenant);
        let nothing = serde_json::json!({});
        match what {
            FollowUp::Capture => peer.put(&format!("/internal/v1/holds/{id}/capture"), &nothing).await,
            FollowUp::Release => peer.put(&format!("/internal/v1/holds/{id}/release"), &nothing).await,
            FollowUp::Consume => peer.put(&format!("/internal/v1/holds/{id}/consume"), &nothing).await,
            FollowUp::Refund => {
                let request = RefundRequest { reason: RefundReason::CancelledInTime };
                peer.put(&format!("/internal/v1/holds/{id}/refund"), &request).await
            }
        }
    }

    /// One page of the holds in `state`, by reservation id.
    pub async fn holds(
        &self,
        tenant: TenantId,
        state: HoldState,
        cursor: Option<&str>,
    ) -> Result<HoldPage, CallError> {
        // A cursor is URL-safe Base64: it needs no escaping.
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.0
            .clone()
            .for_tenant(tenant)
            .get(&format!("/internal/v1/holds?state={state}&limit=200{cursor}"))
            .await
    }
}
