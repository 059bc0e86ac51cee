//! What operators watch: payments, webhooks, credits, and gauges that must be zero.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use shinkofa_kernel::Money;

use crate::domain::payment::PaymentStatus;

pub(crate) fn describe() {
    describe_counter!("payments_total", "Payments that reached an outcome.");
    describe_counter!(
        "payments_amount_minor_total",
        "Money of payments that reached an outcome, in minor units."
    );
    describe_counter!("webhook_events_total", "Events that Stripe sent, by what became of them.");
    describe_histogram!("webhook_lag_seconds", Unit::Seconds, "From an event at Stripe to its effect here.");
    describe_counter!("credits_granted_total", "Credits that came into wallets.");
    describe_counter!("credits_held_total", "Credits set aside for reservations.");
    describe_counter!("credits_captured_total", "Held credits that were spent.");
    describe_counter!("credits_consumed_total", "Spent credits that were used up.");
    describe_counter!("credits_released_total", "Held credits that went back.");
    describe_counter!("credits_refunded_total", "Credits of cancelled reservations that went back.");
    describe_counter!("credits_expired_total", "Credits that expired unspent.");
    describe_counter!("credits_overdue_holds_total", "Holds past their time, by what became of them.");
    describe_gauge!("credits_ledger_imbalance", "Rows that contradict the ledger. Must be 0.");
    describe_gauge!("payments_captured_without_credit", "Paid payments without their lot. Must be 0.");
    gauge!("credits_ledger_imbalance").set(0.0);
    gauge!("payments_captured_without_credit").set(0.0);
}

pub(crate) fn payment(status: PaymentStatus, price: Money) {
    let outcome = status.as_str();
    counter!("payments_total", "provider" => "stripe", "outcome" => outcome).increment(1);
    counter!("payments_amount_minor_total", "currency" => price.currency.code(), "outcome" => outcome)
        .increment(price.minor.unsigned_abs());
}

pub(crate) fn webhook(kind: &str, outcome: &'static str) {
    counter!("webhook_events_total", "type" => kind.to_owned(), "outcome" => outcome).increment(1);
}

pub(crate) fn webhook_lag(lag: chrono::TimeDelta) {
    histogram!("webhook_lag_seconds").record(lag.to_std().unwrap_or_default());
}

pub(crate) fn credits(name: &'static str, units: i32) {
    counter!(name).increment(u64::from(units.unsigned_abs()));
}
