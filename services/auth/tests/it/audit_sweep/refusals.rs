//! What is refused is told nowhere.

use auth::Auth;
use reqwest::Method;
use serde_json::json;
use shinkofa_testing::{Route, TestApp, routes_of};

use super::{ROUTES, Sweep, may_change};
use crate::asked_again::{NOBODY, name, question};
use crate::staff::{staff, token};

/// What no request is refused by, and why.
const NEVER_REFUSED: [(&str, &str); 1] =
    [("POST /api/auth/passkeys/login/options", "it is asked by nobody known, and takes nothing")];

/// Without a token, or with a body that no document allows where none is asked for.
async fn ask_as_nobody(app: &TestApp<Auth>, route: &Route) {
    let method: Method = route.method.parse().expect("a method");
    let path = route.path.split('/').map(|part| match part {
        "{provider}" => "google",
        _ if part.starts_with('{') => NOBODY,
        _ => part,
    });
    let path = path.collect::<Vec<_>>().join("/");
    app.call(method, &path).json(&json!({ "nonsense": true })).send().await;
}

#[actix_web::test]
async fn what_is_refused_leaves_no_entry_whoever_asks() {
    let app = TestApp::<Auth>::start().await;
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    let sweep = Sweep::begin(&app).await;
    let mut routes = routes_of(ROUTES);
    routes.retain(|route| may_change(route) && !route.path.starts_with("/internal/"));
    for route in &routes {
        ask_as_nobody(&app, route).await;
    }
    // With what the document gives as an example, about ids of nothing.
    for role in ["member", "admin"] {
        let mut turn = 0;
        let mut who = staff(&app, &format!("{role}-{turn}"), role).await;
        for route in routes.iter().filter(|route| route.who != "anyone") {
            let answer = question(&app, &document, route, (token(&who), NOBODY)).send().await;
            // They may have left, or signed out.
            if answer.status < 300 {
                turn += 1;
                who = staff(&app, &format!("{role}-{turn}"), role).await;
            }
        }
    }
    let mut steps = sweep.steps().await;
    steps.retain(|step| !step.is_done());
    let faults: Vec<_> = steps.iter().filter_map(|step| step.fault()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let is_as_listed = |route: &Route| {
        let is_refused = steps.iter().any(|step| step.route == *route);
        is_refused != NEVER_REFUSED.iter().any(|(listed, _)| *listed == name(route))
    };
    let others: Vec<_> = routes.iter().filter(|route| !is_as_listed(route)).map(name).collect();
    assert!(others.is_empty(), "refused to nobody, or refused and listed: {others:#?}");
}
