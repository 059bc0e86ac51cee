//! Exact limits over a sliding window, shared by all replicas through Redis and never absent without it.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use redis::Script;
use redis::aio::MultiplexedConnection;
use shinkofa_kernel::Clock;

use crate::local_windows::{LocalWindows, Verdict};
use crate::{Problem, Redis};

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
    redis: Option<Redis>,
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

/// Keeps the instants of the accepted attempts, so that no span of one window ever holds more than the limit. Of several keys
/// the first that is full ends it: nothing is counted for those behind it.
static SLIDING_WINDOWS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local now, remaining = tonumber(ARGV[1]), 0
for number, key in ipairs(KEYS) do
  local window, limit = tonumber(ARGV[2 * number + 1]), tonumber(ARGV[2 * number + 2])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local used = redis.call('ZCARD', key)
  if used >= limit then
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return {number, tonumber(oldest[2]) + window - now}
  end
  redis.call('ZADD', key, now, ARGV[2])
  redis.call('PEXPIRE', key, math.ceil(window / 1000))
  remaining = limit - used - 1
end
return {0, remaining}
",
    )
});

/// One limit, and the key it is counted on in Redis and in this process.
struct Counted<'a> {
    policy: &'a RatePolicy,
    limit: u32,
    key: String,
}

impl RateLimiter {
    pub fn new(
        redis: Option<Redis>,
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
        self.attempt_all(&[self.counted(policy, key)]).await.1
    }

    /// Counts one attempt, and turns a refusal into its 429.
    pub async fn require(&self, policy: &RatePolicy, key: &str) -> Result<(), Problem> {
        self.require_within(&[self.counted(policy, key)]).await
    }

    /// Counts one attempt under two limits, in one round trip. Where the first refuses it, the second counts nothing.
    pub async fn require_both(
        &self,
        first: (&RatePolicy, &str),
        second: (&RatePolicy, &str),
    ) -> Result<(), Problem> {
        self.require_within(&[self.counted(first.0, first.1), self.counted(second.0, second.1)]).await
    }

    async fn require_within(&self, limits: &[Counted<'_>]) -> Result<(), Problem> {
        match self.attempt_all(limits).await {
            (_, Decision::Allowed { .. }) => Ok(()),
            (number, Decision::Refused { retry_after }) => {
                Err(too_many_requests(limits[number].policy, retry_after))
            }
        }
    }

    fn counted<'a>(&self, policy: &'a RatePolicy, key: &str) -> Counted<'a> {
        let limit = match self.strictness {
            Strictness::Production => policy.limit,
            Strictness::Relaxed => policy.limit.saturating_mul(100),
        };
        Counted { policy, limit, key: format!("{}:limit:{}:{key}", self.key_prefix, policy.name) }
    }

    /// Which limit decided, and how: the first that refuses, or the last.
    async fn attempt_all(&self, limits: &[Counted<'_>]) -> (usize, Decision) {
        let (decided, decision) = match self.ask_redis(limits).await {
            Some(answer) => answer,
            None => self.ask_local(limits),
        };
        for (number, counted) in limits.iter().enumerate().take(decided + 1) {
            let is_refused = number == decided && matches!(decision, Decision::Refused { .. });
            let outcome = if is_refused { "refused" } else { "allowed" };
            metrics::counter!("ratelimit_decisions_total", "policy" => counted.policy.name, "decision" => outcome)
                .increment(1);
        }
        (decided, decision)
    }

    async fn ask_redis(&self, limits: &[Counted<'_>]) -> Option<(usize, Decision)> {
        let redis = self.redis.as_ref()?;
        let mut asked = SLIDING_WINDOWS.prepare_invoke();
        asked.arg(self.clock.now().timestamp_micros()).arg(self.clock.new_uuid().to_string());
        for Counted { policy, limit, key } in limits {
            let window = u64::try_from(policy.window.as_micros()).unwrap_or(u64::MAX);
            asked.key(key).arg(window).arg(*limit);
        }
        let asked = &asked;
        let ask = |mut connection: MultiplexedConnection| async move {
            asked.invoke_async::<(usize, i64)>(&mut connection).await
        };
        let (full, rest) = redis.ask(REDIS_TIMEOUT, ask).await?;
        let rest = u64::try_from(rest).unwrap_or_default();
        Some(match full.checked_sub(1) {
            None => {
                (limits.len() - 1, Decision::Allowed { remaining: u32::try_from(rest).unwrap_or(u32::MAX) })
            }
            Some(number) => (number, Decision::Refused { retry_after: Duration::from_micros(rest) }),
        })
    }

    fn ask_local(&self, limits: &[Counted<'_>]) -> (usize, Decision) {
        let now = self.clock.now();
        let mut local = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remaining = 0;
        for (number, counted) in limits.iter().enumerate() {
            let limit = counted.limit.div_ceil(self.replicas);
            match local.attempt(&counted.key, (limit, counted.policy.window), now) {
                Verdict::Taken { before } => remaining = limit.saturating_sub(before + 1),
                Verdict::Full { until } => {
                    let retry_after = (until - now).to_std().unwrap_or_default();
                    return (number, Decision::Refused { retry_after });
                }
            }
        }
        (limits.len() - 1, Decision::Allowed { remaining })
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
        let attempt = || limiter.ask_local(&[limiter.counted(&policy, "key")]).1;
        assert_eq!(attempt(), Decision::Allowed { remaining: 1 });
        clock.advance(chrono::TimeDelta::seconds(30));
        assert_eq!(attempt(), Decision::Allowed { remaining: 0 });
        assert_eq!(attempt(), Decision::Refused { retry_after: Duration::from_secs(30) });
        clock.advance(chrono::TimeDelta::seconds(30));
        assert_eq!(attempt(), Decision::Allowed { remaining: 0 });
        assert!(matches!(attempt(), Decision::Refused { .. }));
    }

    #[test]
    fn of_two_limits_the_first_that_is_full_counts_nothing_for_the_second() {
        let clock = Clock::manual(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let limiter = RateLimiter::new(None, "test", clock, Strictness::Production, 1);
        let network = RatePolicy { name: "network", limit: 2, window: Duration::from_secs(60) };
        let address = RatePolicy { name: "address", limit: 3, window: Duration::from_secs(60) };
        let attempt = |from: &str| {
            limiter.ask_local(&[limiter.counted(&network, from), limiter.counted(&address, "anna")])
        };
        assert_eq!(attempt("here"), (1, Decision::Allowed { remaining: 2 }));
        assert_eq!(attempt("here"), (1, Decision::Allowed { remaining: 1 }));
        assert!(matches!(attempt("here"), (0, Decision::Refused { .. })));
        assert_eq!(attempt("there"), (1, Decision::Allowed { remaining: 0 }));
        assert!(matches!(attempt("there"), (1, Decision::Refused { .. })));
    }
}
