//! A charge: one attempt to move money.

use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::ids::{BalanceTransactionId, ChargeId, CustomerId, PaymentIntentId, PaymentMethodId};
use super::payment::MeansKind;
use super::payment_intent::PaymentInstructions;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Charge {
    pub id: ChargeId,
    pub created: i64,
    pub amount: i64,
    /// Pending and succeeded refunds; a failed refund is taken out again.
    pub amount_refunded: i64,
    pub currency: Currency,
    pub payment_intent: PaymentIntentId,
    pub payment_method: PaymentMethodId,
    pub means: MeansKind,
    pub customer: Option<CustomerId>,
    pub payer_email: Option<String>,
    pub instructions: PaymentInstructions,
    pub status: ChargeStatus,
    pub balance_transaction: Option<BalanceTransactionId>,
}

impl Charge {
    pub fn unrefunded(&self) -> i64 {
        self.amount - self.amount_refunded
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeStatus {
    Pending,
    Succeeded,
    Failed,
}

impl ChargeStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}
