//! Whether a password was in a leak of somebody else's: asked without telling it.
//!
//! The range protocol of Have I Been Pwned: the first five hex digits of the SHA-1 go out, every suffix that is known
//! with them comes back, and the comparison is made here. With padding, so that the size of the answer tells nothing
//! either. A service that does not answer refuses nobody: what the list at hand says has been said before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use chrono::TimeDelta;
use shinkofa_kernel::Clock;
use url::Url;

/// Asks one service; clones share what they know of its health.
#[derive(Clone, Debug)]
pub struct LeakedPasswords {
    http: reqwest::Client,
    base: Url,
    clock: Clock,
    /// Not asked again before: microseconds since 1970.
    resting_until: Arc<AtomicI64>,
}

/// Somebody waits for the answer.
const LONGEST_WAIT: Duration = Duration::from_millis(1_500);
/// A range has some 40 KiB; nobody may make us read more than this.
const LARGEST_ANSWER: usize = 512 * 1024;
/// After a failure it is left alone for a while, so that an outage does not slow everybody down.
const REST: TimeDelta = TimeDelta::seconds(30);
const PREFIX: usize = 5;

impl LeakedPasswords {
    /// `base` is where `range/{prefix}` is found.
    pub fn new(http: reqwest::Client, mut base: Url, clock: Clock) -> Self {
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        Self { http, base, clock, resting_until: Arc::default() }
    }

    /// Is it known to have leaked? Not knowing is not.
    pub async fn contain(&self, password: &str) -> bool {
        if self.clock.now().timestamp_micros() < self.resting_until.load(Ordering::Relaxed) {
            return false;
        }
        let hash = hex::encode_upper(digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes()));
        let (prefix, suffix) = hash.split_at(PREFIX);
        let answer = tokio::time::timeout(LONGEST_WAIT, self.range(prefix)).await;
        let outcome = match answer {
            Ok(Ok(range)) => {
                let leaked = holds(&range, suffix);
                metrics::counter!("leaked_password_checks_total", "outcome" => if leaked { "leaked" } else { "clean" })
                    .increment(1);
                return leaked;
            }
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no answer in time".to_owned(),
        };
        metrics::counter!("leaked_password_checks_total", "outcome" => "unavailable").increment(1);
        tracing::warn!(outcome, "leaked passwords cannot be asked for: the list at hand decides");
        self.resting_until.store((self.clock.now() + REST).timestamp_micros(), Ordering::Relaxed);
        false
    }

    async fn range(&self, prefix: &str) -> anyhow::Result<String> {
        let url = self.base.join(&format!("range/{prefix}"))?;
        let request = self.http.get(url).header("add-padding", "true").header("user-agent", "shinkofa-auth");
        // The address holds the prefix, which belongs into no log.
        let mut response = request.send().await.map_err(reqwest::Error::without_url)?;
        anyhow::ensure!(response.status() == reqwest::StatusCode::OK, "it answers {}", response.status());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            anyhow::ensure!(bytes.len() + chunk.len() <= LARGEST_ANSWER, "its answer is too long");
            bytes.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8(bytes)?)
    }
}

/// Lines of `SUFFIX:COUNT`. Those with a count of 0 are padding.
fn holds(range: &str, suffix: &str) -> bool {
    range.lines().filter_map(|line| line.trim().split_once(':')).any(|(known, count)| {
        known.eq_ignore_ascii_case(suffix) && count.trim().parse::<u64>().is_ok_and(|count| count > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_no_leak_and_neither_is_nonsense() {
        let suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        assert!(holds(&format!("0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n{suffix}:3861493\r\n"), suffix));
        assert!(holds(&format!("{}:2", suffix.to_lowercase()), suffix));
        assert!(!holds(&format!("{suffix}:0"), suffix));
        assert!(!holds(&format!("{suffix}:many"), suffix));
        assert!(!holds(suffix, suffix));
        assert!(!holds("<html>", suffix));
    }
}
