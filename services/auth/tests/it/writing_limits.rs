//! Nobody who may change things changes them without end.

use auth::Auth;
use serde_json::json;
use shinkofa_testing::TestApp;

use crate::staff::{staff, token};

const NOBODY: &str = "01920000-0000-7000-8000-0000000000ee";

/// The limit on changes of one kind, and the requests that draw on it: `{}` is nobody and nothing that there is.
const WRITERS: [(usize, &[(&str, &str)]); 3] = [
    (
        120,
        &[
            ("POST", "/api/tenants/members/{}/reactivate"),
            ("POST", "/api/tenants/members/{}/suspend"),
            ("POST", "/api/admin/users/{}/lock"),
            ("POST", "/api/admin/users/{}/unlock"),
            ("POST", "/api/admin/users/{}/sign-out"),
            ("DELETE", "/api/admin/bans/{}"),
        ],
    ),
    (
        60,
        &[
            ("POST", "/api/tenants/service-accounts/{}/disable"),
            ("POST", "/api/tenants/service-accounts/{}/enable"),
            ("DELETE", "/api/tenants/service-accounts/{}"),
            ("DELETE", "/api/tenants/service-accounts/{}/keys/{}"),
        ],
    ),
    (
        60,
        &[
            ("POST", "/api/tenants/webhooks/{}/disable"),
            ("POST", "/api/tenants/webhooks/{}/enable"),
            ("DELETE", "/api/tenants/webhooks/{}"),
        ],
    ),
];

#[actix_web::test]
async fn changes_of_one_kind_draw_on_one_limit_whichever_they_are() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let admin = staff(&app, "ada", "admin").await;
    let ask = async |(method, path): (&str, &str)| {
        let call = app.call(method.parse().unwrap(), &path.replace("{}", NOBODY)).token(token(&admin));
        call.json(&json!({ "reason": "chargebacks" })).send().await
    };
    for (limit, writers) in WRITERS {
        for writer in writers.iter().cycle().take(limit) {
            ask(*writer).await.expect_problem(404, "not_found");
        }
        for writer in writers {
            let refused = ask(*writer).await.expect_problem(429, "too_many_requests");
            assert!(refused.headers.contains_key("retry-after"), "{writer:?}");
        }
    }
}
