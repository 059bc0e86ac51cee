//! A payment intent: one purchase, across the attempts to pay it.

use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::form::Metadata;
use super::ids::{ChargeId, CustomerId, PaymentIntentId, PaymentMethodId};
use super::payment::MeansKind;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentIntent {
    pub id: PaymentIntentId,
    pub client_secret: String,
    pub created: i64,
    pub amount: i64,
    pub currency: Currency,
    pub customer: Option<CustomerId>,
    pub instructions: PaymentInstructions,
    pub accepts: Vec<MeansKind>,
    pub status: IntentStatus,
    pub latest_charge: Option<ChargeId>,
    pub payment_method: Option<PaymentMethodId>,
    /// The means of the latest attempt, while that attempt is a failed one.
    pub failed_with: Option<MeansKind>,
}

/// What a Checkout session says about the payment that it will make.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PaymentInstructions {
    pub description: Option<String>,
    pub receipt_email: Option<String>,
    pub metadata: Metadata,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentStatus {
    RequiresPaymentMethod,
    Processing,
    Succeeded,
}

impl IntentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
        }
    }
}
