//! Exact limits over a sliding window, shared by all replicas through Redis and never absent without it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use deadpool_redis::redis::Script;
use shinkofa_kernel::Clock;

use crate::Problem;
use crate::local_windows::{LocalWindows, Verdict};

/// At most `limit` in any span of `window`.
#[derive(Clone, Copy, Debug)]
pub struct RatePolicy {
    pub name: &'static str,
    pub limit: u32,
    pub window: Duration,
}

/// How tight the limits are: development and test traffic comes from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    Production,
    /// A hundred times as much.
    Relaxed,
}

/// What became of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed { remaining: u32 },
    Refused { retry_after: Duration },
}

/// Counts attempts per policy and key.
#[derive(Clone)]
pub struct RateLimiter {
    redis: Option<deadpool_redis::Pool>,
    key_prefix: Arc<str>,
    clock: Clock,
    strictness: Strictness,
    replicas: u32,
    local: Arc<Mutex<LocalWindows>>,
}

/// Longer than this without Redis's answer is as good as none.
const REDIS_TIMEOUT: Duration = Duration::from_millis(250);
/// Keys remembered in process while Redis is away. Past it the windows that are over first are forgotten first.
const LOCAL_KEYS: usize = 100_000;

/// Keeps the instants of the accepted attempts, so that no span of one window ever holds more than the limit.
const SLIDING_WINDOW: &str = r"
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local used = redis.call('ZCARD', KEYS[1])
if used < limit then
  redis.call('ZADD', KEYS[1], now, ARGV[4])
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
  return {1, limit - used - 1}
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {0, tonumber(oldest[2]) + window - now}
";

impl RateLimiter {
    pub fn new(
        redis: Option<deadpool_redis::Pool>,
        key_prefix: &str,
        clock: Clock,
        strictness: Strictness,
        replicas: u32,
    ) -> Self {
        Self {
            redis,
            key_prefix: key_prefix.into(),
            clock,
            strictness,
            replicas: replicas.max(1),
            local: Arc::new(Mutex::new(LocalWindows::new(LOCAL_KEYS))),
        }
    }

    /// Counts one attempt by `key`. Without Redis each replica grants its share of the limit.
    pub async fn attempt(&self, policy: &RatePolicy, key: &str) -> Decision {
        let limit = match self.strictness {
            Strictness::Production => policy.limit,
            Strictness::Relaxed => policy.limit.saturating_mul(100),
        };
        let full_key = format!("{}:limit:{}:{key}", self.key_prefix, policy.name);
        let decision = match self.ask_redis(policy, limit, &full_key).await {
            Some(decision) => decision,
            None => self.ask_local(policy, limit.div_ceil(self.replicas), &full_key),
        };
        let outcome = if matches!(decision, Decision::Allowed { .. }) { "allowed" } else { "refused" };
        metrics::counter!("ratelimit_decisions_total", "policy" => policy.name, "decision" => outcome)
            .increment(1);
        decision
    }

    /// Counts one attempt, and turns a refusal into its 429.
    pub async fn require(&self, policy: &RatePolicy, key: &str) -> Result<(), Problem> {
        match self.attempt(policy, key).await {
            Decision::Allowed { .. } => Ok(()),
            Decision::Refused { retry_after } => Err(too_many_requests(policy, retry_after)),
        }
    }

    async fn ask_redis(&self, policy: &RatePolicy, limit: u32, key: &str) -> Option<Decision> {
        let pool = self.redis.as_ref()?;
        let ask = async {
            let mut connection = pool.get().await.ok()?;
            let answer: (i64, i64) = Script::new(SLIDING_WINDOW)
                .key(key)
                .arg(self.clock.now().timestamp_micros())
                .arg(u64::try_from(policy.window.as_micros()).unwrap_or(u64::MAX))
                .arg(limit)
                .arg(self.clock.new_uuid().to_string())
                .invoke_async(&mut connection)
                .await
                .ok()?;
            Some(answer)
        };
        let (allowed, rest) = tokio::time::timeout(REDIS_TIMEOUT, ask).await.ok()??;
        let rest = u64::try_from(rest).unwrap_or_default();
        Some(if allowed == 1 {
            Decision::Allowed { remaining: u32::try_from(rest).unwrap_or(u32::MAX) }
        } else {
            Decision::Refused { retry_after: Duration::from_micros(rest) }
        })
    }

    fn ask_local(&self, policy: &RatePolicy, limit: u32, key: &str) -> Decision {
        let now = self.clock.now();
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        match local.attempt(key, (limit, policy.window), now) {
            Verdict::Taken { before } => Decision::Allowed { remaining: limit.saturating_sub(before + 1) },
            Verdict::Full { until } => {
                Decision::Refused { retry_after: (until - now).to_std().unwrap_or_default() }
            }
        }
    }
}

fn too_many_requests(policy: &RatePolicy, retry_after: Duration) -> Problem {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        format!("Too many requests. Try again in {seconds} s."),
        format!("Trop de requêtes. Réessayez dans {seconds} s."),
    )
    .retry_after(seconds)
    .with_header(
        "ratelimit-policy",
        format!("\"{}\";q={};w={}", policy.name, policy.limit, policy.window.as_secs()),
    )
    .with_header("ratelimit", format!("\"{}\";r=0;t={seconds}", policy.name))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn without_redis_a_replica_grants_its_share_and_no_more_in_any_window() {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let limiter = RateLimiter::new(None, "test", clock.clone(), Strictness::Production, 2);
        let policy = RatePolicy { name: "signin", limit: 4, window: Duration::from_secs(60) };
        let attempt = || limiter.ask_local(&policy, 2, "key");
        assert_eq!(attempt(), Decision::Allowed { remaining: 1 });
        clock.advance(chrono::TimeDelta::seconds(30));
        assert_eq!(attempt(), Decision::Allowed { remaining: 0 });
        assert_eq!(attempt(), Decision::Refused { retry_after: Duration::from_secs(30) });
        clock.advance(chrono::TimeDelta::seconds(30));
        assert_eq!(attempt(), Decision::Allowed { remaining: 0 });
        assert!(matches!(attempt(), Decision::Refused { .. }));
    }
}
