//! The numbers that notify tells about itself.

use crate::domain::{DeliveryState, Kind};

const DELIVERIES: &str = "notify_deliveries_total";
const UNDER_WAY: &str = "deliveries_under_way";
const OLDEST: &str = "deliveries_oldest_seconds";

/// Every metric has its help text, also where nothing was counted yet.
pub fn describe() {
    metrics::describe_counter!(DELIVERIES, "Messages by kind and by what became of an attempt to send them.");
    metrics::describe_gauge!(UNDER_WAY, "Messages that are not settled, by state.");
    metrics::describe_gauge!(OLDEST, "Age of the oldest message that is not settled, by state.");
}

/// A delivery came to its end.
pub fn settled(kind: Kind, state: DeliveryState) {
    count(kind, state.as_str());
}

/// Nobody took it; it will be tried again.
pub fn retried(kind: Kind) {
    count(kind, "retried");
}

fn count(kind: Kind, outcome: &'static str) {
    metrics::counter!(DELIVERIES, "kind" => kind.as_str(), "outcome" => outcome).increment(1);
}

/// How many deliveries are in `state`, and how old the oldest of them is.
#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
pub fn under_way(state: DeliveryState, deliveries: i64, oldest_seconds: i64) {
    metrics::gauge!(UNDER_WAY, "state" => state.as_str()).set(deliveries as f64);
    metrics::gauge!(OLDEST, "state" => state.as_str()).set(oldest_seconds as f64);
}
