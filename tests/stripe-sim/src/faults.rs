//! Faults that tests set on API calls: a refusal, a lost answer, a delay.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault for the next `times` calls whose path starts with `path`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// As in `/v1/refunds`.
    pub path: String,
    /// Every method when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// What is answered in place of the true answer.
    #[serde(default)]
    pub status: Option<u16>,
    /// Cuts the connection in place of an answer.
    #[serde(default)]
    pub close: bool,
    #[serde(default)]
    pub delay_ms: u64,
    /// Whether the call takes effect before it fails.
    #[serde(default)]
    pub after_commit: bool,
    /// Whether a failing status is kept under the call's idempotency key, as Stripe keeps even its
    /// 500s. When absent, 500 is kept and the others, which Stripe raises before it begins, are not.
    #[serde(default)]
    pub remember: Option<bool>,
    #[serde(default = "once")]
    pub times: usize,
}

fn once() -> usize {
    1
}

/// What a fault does to one call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    pub delay: Duration,
    pub status: Option<u16>,
    pub closes: bool,
    pub takes_effect: bool,
    pub remembered: bool,
}

impl Fault {
    /// Says what makes this fault meaningless.
    pub fn complaint(&self) -> Option<&'static str> {
        if !self.path.starts_with("/v1/") {
            return Some("path must start with /v1/");
        }
        if self.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return Some("status must be between 400 and 599");
        }
        if self.status.is_none() && !self.close && self.delay_ms == 0 {
            return Some("one of status, close and delay_ms must be given");
        }
        None
    }

    fn trouble(&self) -> Trouble {
        Trouble {
            delay: Duration::from_millis(self.delay_ms),
            status: self.status,
            closes: self.close,
            // A call that is only delayed goes on as usual.
            takes_effect: self.after_commit || (self.status.is_none() && !self.close),
            remembered: self.remember.unwrap_or(self.status == Some(500) && !self.close),
        }
    }
}

/// The faults still to come, first set first.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub fn set(&self, fault: Fault) {
        self.lock().push(fault);
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    pub fn pending(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// Takes the trouble that this call meets, if any.
    pub fn strike(&self, method: &str, path: &str) -> Trouble {
        let mut faults = self.lock();
        let Some(found) = faults.iter().position(|fault| {
            path.starts_with(&fault.path)
                && fault.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
        }) else {
            return Trouble { takes_effect: true, ..Trouble::default() };
        };
        let fault = &mut faults[found];
        let trouble = fault.trouble();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            faults.remove(found);
        }
        trouble
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_it_was_told_to_and_only_its_calls() {
        let faults = Faults::default();
        let fault = r#"{"path":"/v1/refunds","method":"post","status":500,"times":2}"#;
        faults.set(serde_json::from_str(fault).unwrap());
        assert_eq!(faults.strike("GET", "/v1/refunds").status, None);
        assert_eq!(faults.strike("POST", "/v1/customers").status, None);
        let first = faults.strike("POST", "/v1/refunds");
        assert!(first.status == Some(500) && first.remembered && !first.takes_effect);
        assert_eq!(faults.strike("POST", "/v1/refunds").status, Some(500));
        assert_eq!(faults.strike("POST", "/v1/refunds").status, None);
    }
}
