//! The shape of a charge.

use serde_json::{Value, json};

use super::{BANK_DEBIT_FAILURE, CARD_FAILURE};
use crate::domain::charge::{Charge, ChargeStatus};
use crate::domain::payment::MeansKind;

pub fn charge(charge: &Charge) -> Value {
    let failed = charge.status == ChargeStatus::Failed;
    let captured = !failed;
    let (failure_code, failure_message) = match (failed, charge.means) {
        (false, _) => (None, None),
        (true, MeansKind::Card) => (Some("card_declined"), Some(CARD_FAILURE)),
        (true, MeansKind::SepaDebit) => (Some("insufficient_funds"), Some(BANK_DEBIT_FAILURE)),
    };
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": if captured { charge.amount } else { 0 },
        "amount_refunded": charge.amount_refunded,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": charge.balance_transaction,
        "billing_details": {
            "address": {
                "city": null,
                "country": "FR",
                "line1": null,
                "line2": null,
                "postal_code": null,
                "state": null,
            },
            "email": charge.payer_email,
            "name": null,
            "phone": null,
            "tax_id": null,
        },
        "calculated_statement_descriptor": "STAND-IN",
        "captured": captured,
        "created": charge.created,
        "currency": charge.currency,
        "customer": charge.customer,
        "description": charge.instructions.description,
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": failure_code,
        "failure_message": failure_message,
        "fraud_details": {},
        "livemode": false,
        "metadata": charge.instructions.metadata,
        "on_behalf_of": null,
        "outcome": outcome(charge),
        "paid": charge.status == ChargeStatus::Succeeded,
        "payment_intent": charge.payment_intent,
        "payment_method": charge.payment_method,
        "payment_method_details": payment_method_details(charge),
        "radar_options": {},
        "receipt_email": charge.instructions.receipt_email,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": charge.amount_refunded == charge.amount,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": charge.status.as_str(),
        "transfer_data": null,
        "transfer_group": null,
    })
}

fn outcome(charge: &Charge) -> Value {
    if charge.status == ChargeStatus::Failed {
        json!({
            "advice_code": "try_again_later",
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": "declined_by_network",
            "reason": "generic_decline",
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "The bank did not return any further details with this decline.",
            "type": "issuer_declined",
        })
    } else {
        json!({
            "advice_code": null,
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": "approved_by_network",
            "reason": null,
            "risk_level": "normal",
            "risk_score": 12,
            "seller_message": "Payment complete.",
            "type": "authorized",
        })
    }
}

fn payment_method_details(charge: &Charge) -> Value {
    match charge.means {
        MeansKind::Card => json!({ "type": "card", "card": card(charge) }),
        MeansKind::SepaDebit => json!({
            "type": "sepa_debit",
            "sepa_debit": {
                "bank_code": "30003",
                "branch_code": "01234",
                "country": "FR",
                "fingerprint": "Gb5YzTkXh2QpLr8w",
                "last4": "2606",
                "mandate": null,
            },
        }),
    }
}

fn card(charge: &Charge) -> Value {
    json!({
        "amount_authorized": charge.amount,
        "authorization_code": null,
        "brand": "visa",
        "checks": {
            "address_line1_check": null,
            "address_postal_code_check": null,
            "cvc_check": "pass",
        },
        "country": "FR",
        "exp_month": 12,
        "exp_year": 2040,
        "extended_authorization": { "status": "disabled" },
        "fingerprint": "Xt5EWLLDS7FJjR1c",
        "funding": "credit",
        "incremental_authorization": { "status": "unavailable" },
        "installments": null,
        "last4": "4242",
        "mandate": null,
        "multicapture": { "status": "unavailable" },
        "network": "visa",
        "network_token": { "used": false },
        "network_transaction_id": "104102978678771",
        "overcapture": {
            "maximum_amount_capturable": charge.amount,
            "status": "unavailable",
        },
        "regulated_status": "unregulated",
        "three_d_secure": null,
        "wallet": null,
    })
}
