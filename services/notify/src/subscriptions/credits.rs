//! Credits' feed: receipts.

use shinkofa_contracts::Event;
use shinkofa_contracts::credits::{self, PaymentPaid};
use shinkofa_db::Connection;
use shinkofa_feed::{ApplyError, Subscriber};
use shinkofa_kernel::Clock;

use super::record::{Address, Notice, record};
use crate::domain::Occasion;

#[derive(Clone)]
pub struct CreditsEvents {
    pub clock: Clock,
}

impl Subscriber for CreditsEvents {
    fn feed(&self) -> &'static str {
        credits::SERVICE
    }

    fn concerns(&self, event: &Event) -> bool {
        event.is::<PaymentPaid>()
    }

    async fn apply(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        let payment = event.payload::<PaymentPaid>()?;
        let notice = Notice {
            person: payment.user_id,
            occasion: Occasion::PaymentPaid { payment },
            address: Address::OfContact,
            sealed_token: None,
        };
        record(tx, &self.clock, event, notice).await
    }
}
