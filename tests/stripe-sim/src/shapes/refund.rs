//! The shape of a refund.

use serde_json::{Value, json};

use crate::domain::payment::MeansKind;
use crate::domain::refund::{Refund, RefundStatus};

pub fn refund(refund: &Refund) -> Value {
    let mut shape = json!({
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.balance_transaction,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "customer_account": null,
        "destination_details": destination_details(refund),
        "metadata": refund.metadata,
        "payment_intent": refund.payment_intent,
        "reason": refund.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": refund.status.as_str(),
        "transfer_reversal": null,
    });
    // Stripe shows these members only in the states that they explain.
    match refund.status {
        RefundStatus::Pending => shape["pending_reason"] = json!("processing"),
        RefundStatus::Failed => {
            shape["failure_balance_transaction"] = json!(refund.failure_balance_transaction);
            shape["failure_reason"] = json!(match refund.means {
                MeansKind::Card => "expired_or_canceled_card",
                MeansKind::SepaDebit => "declined",
            });
        }
        RefundStatus::Succeeded => {}
    }
    shape
}

fn destination_details(refund: &Refund) -> Value {
    match refund.means {
        MeansKind::Card => json!({
            "type": "card",
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
        }),
        MeansKind::SepaDebit => json!({
            "type": "eu_bank_transfer",
            "eu_bank_transfer": { "reference": null, "reference_status": "pending" },
        }),
    }
}
