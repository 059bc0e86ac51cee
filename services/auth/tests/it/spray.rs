//! One password tried on very many addresses is noticed, although no address has to wait.

use auth::Auth;
use chrono::TimeDelta;
use shinkofa_testing::TestApp;

use crate::people::{self, address};

const TOLD: &str = "SELECT details FROM audit_events WHERE action = 'realm.spray_suspected'";

async fn spray(app: &TestApp<Auth>, addresses: std::ops::Range<u32>) {
    for number in addresses {
        let email = address(app, &format!("victim{number}"));
        people::sign_in(app, &email, "Summer2026!Summer").await.expect_problem(401, "invalid_credentials");
    }
}

#[actix_web::test]
async fn a_spray_is_told_within_a_minute_and_once_in_ten() {
    let app = TestApp::<Auth>::start().await;
    spray(&app, 0..99).await;
    app.advance(TimeDelta::seconds(30));
    app.run_jobs().await;
    assert!(app.sql(TOLD).await.is_empty(), "people mistype");

    spray(&app, 99..104).await;
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(30));
        app.run_jobs().await;
    }
    let told = app.sql(TOLD).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["details"]["addresses"], 104);

    // What is past is not told again.
    app.advance(TimeDelta::minutes(11));
    app.run_jobs().await;
    assert_eq!(app.sql(TOLD).await.len(), 1);
}
