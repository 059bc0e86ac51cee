//! The shape of a payment intent.

use serde_json::{Value, json};

use super::{BANK_DEBIT_FAILURE, CARD_FAILURE};
use crate::domain::payment::MeansKind;
use crate::domain::payment_intent::{IntentStatus, PaymentIntent};

pub fn payment_intent(intent: &PaymentIntent) -> Value {
    let accepts: Vec<&str> = intent.accepts.iter().map(|kind| kind.as_str()).collect();
    let received = match intent.status {
        IntentStatus::Succeeded => intent.amount,
        IntentStatus::Processing | IntentStatus::RequiresPaymentMethod => 0,
    };
    json!({
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": received,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": null,
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": "automatic_async",
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": intent.customer,
        "customer_account": null,
        "description": intent.instructions.description,
        "excluded_payment_method_types": null,
        "last_payment_error": last_payment_error(intent),
        "latest_charge": intent.latest_charge,
        "livemode": false,
        "metadata": intent.instructions.metadata,
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": intent.payment_method,
        "payment_method_configuration_details": null,
        "payment_method_options": payment_method_options(&intent.accepts),
        "payment_method_types": accepts,
        "processing": null,
        "receipt_email": intent.instructions.receipt_email,
        "review": null,
        "setup_future_usage": null,
        "shipping": null,
        "source": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": intent.status.as_str(),
        "transfer_data": null,
        "transfer_group": null,
    })
}

fn last_payment_error(intent: &PaymentIntent) -> Value {
    match intent.failed_with {
        None => Value::Null,
        Some(MeansKind::Card) => json!({
            "charge": intent.latest_charge,
            "code": "card_declined",
            "decline_code": "generic_decline",
            "doc_url": "https://stripe.com/docs/error-codes/card-declined",
            "message": CARD_FAILURE,
            "type": "card_error",
        }),
        Some(MeansKind::SepaDebit) => json!({
            "charge": intent.latest_charge,
            "code": "insufficient_funds",
            "doc_url": "https://stripe.com/docs/error-codes/insufficient-funds",
            "message": BANK_DEBIT_FAILURE,
            "type": "card_error",
        }),
    }
}

fn payment_method_options(accepts: &[MeansKind]) -> Value {
    let mut options = json!({});
    for kind in accepts {
        options[kind.as_str()] = match kind {
            MeansKind::Card => json!({
                "installments": null,
                "mandate_options": null,
                "network": null,
                "request_three_d_secure": "automatic",
            }),
            MeansKind::SepaDebit => json!({}),
        };
    }
    options
}
