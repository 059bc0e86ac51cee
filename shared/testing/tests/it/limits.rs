//! Limits are exact with Redis and still there without it.

use std::time::Duration;

use chrono::TimeDelta;
use shinkofa_testing::TestApp;
use shinkofa_web::{Decision, RatePolicy};

use crate::probe::Probe;

const POLICY: RatePolicy = RatePolicy { name: "probe", limit: 100, window: Duration::from_secs(60) };

#[actix_web::test]
async fn the_101st_attempt_in_any_60_seconds_is_refused_and_room_comes_back_attempt_by_attempt() {
    let app = TestApp::<Probe>::builder().production_limits().start::<Probe>().await;
    let limiter = &app.service().platform.limiter;
    let key = app.clock.new_uuid().to_string();
    for attempt in 0..100 {
        app.advance(TimeDelta::milliseconds(100));
        assert!(
            matches!(limiter.attempt(&POLICY, &key).await, Decision::Allowed { .. }),
            "attempt {attempt}"
        );
    }
    app.advance(TimeDelta::milliseconds(100));
    assert!(matches!(limiter.attempt(&POLICY, &key).await, Decision::Refused { .. }));
    app.advance(TimeDelta::seconds(50));
    assert!(matches!(limiter.attempt(&POLICY, &key).await, Decision::Allowed { .. }));
    assert!(matches!(limiter.attempt(&POLICY, &key).await, Decision::Refused { .. }));
    app.stop().await;
}

#[actix_web::test]
async fn without_redis_attempts_are_still_counted() {
    let app = TestApp::<Probe>::builder().production_limits().without_redis().start::<Probe>().await;
    let limiter = &app.service().platform.limiter;
    let mut allowed = 0;
    for _ in 0..300 {
        allowed += u32::from(matches!(limiter.attempt(&POLICY, "somebody").await, Decision::Allowed { .. }));
    }
    assert_eq!(allowed, 100);
    app.stop().await;
}

#[actix_web::test]
async fn of_two_limits_the_first_that_is_full_counts_nothing_for_the_second() {
    let app = TestApp::<Probe>::builder().production_limits().start::<Probe>().await;
    let limiter = &app.service().platform.limiter;
    let network = RatePolicy { name: "network", limit: 2, window: Duration::from_secs(60) };
    let address = RatePolicy { name: "address", limit: 3, window: Duration::from_secs(60) };
    let [here, there, anna] = [(); 3].map(|()| app.clock.new_uuid().to_string());
    let attempt = async |from: &str| limiter.require_both((&network, from), (&address, &anna)).await;
    attempt(&here).await.unwrap();
    attempt(&here).await.unwrap();
    attempt(&here).await.unwrap_err();
    attempt(&there).await.unwrap();
    attempt(&there).await.unwrap_err();
    assert_eq!(limiter.attempt(&network, &there).await, Decision::Refused { retry_after: network.window });
    app.stop().await;
}
