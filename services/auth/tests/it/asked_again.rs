//! Whoever showed too long ago who they are is asked again where the page of routes says `stepped up`, and nowhere else.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Call, Route, TestApp, example_of, routes_of};

use crate::identity_provider::USERS;
use crate::people::{self, address};
use crate::staff::{staff, token};

const ROUTES: &str = include_str!("../../src/routes.rs");
pub const NOBODY: &str = "01920000-0000-7000-8000-00000000ffff";

/// What is looked at before it is known who asks, so that no example comes so far: and where it is asked with a real one.
const BEHIND_A_SECRET: [(&str, &str); 2] = [
    ("POST /api/auth/oauth/{provider}/link", "a code that a provider brought: oauth.rs"),
    ("POST /api/auth/passkeys/register/verify", "the answer of an authenticator: passkeys.rs"),
];

/// Two people: who has no second factor, and who has one and every permission.
const ROLES: [&str; 2] = ["member", "admin"];

/// Of the two this asks the admin alone: both have a password.
const WITH_FACTOR: [&str; 2] =
    ["stepped up where there is a second factor", "stepped up where there is a second factor or no password"];

pub fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn is_asked_again(route: &Route, role: &str) -> bool {
    let with_factor = role == "admin" && WITH_FACTOR.iter().any(|condition| route.says(condition));
    // The session that is named is not the one that asks.
    route.says("stepped up") || route.says("stepped up for another") || with_factor
}

/// The token of somebody new, ten minutes and a second after they signed in.
async fn stale(app: &TestApp<Auth>, role: &str, turn: usize) -> String {
    let body = staff(app, &format!("{role}-{turn}"), role).await;
    app.advance(TimeDelta::seconds(601));
    token(&body).to_owned()
}

/// With what the document gives as an example.
pub fn question(app: &TestApp<Auth>, document: &Value, route: &Route, (who, brought): (&str, &str)) -> Call {
    let id = if route.path.starts_with(USERS) { brought } else { NOBODY };
    let parts = route.path.split('/').map(|part| match part {
        "{provider}" => "google",
        _ if part.starts_with('{') => id,
        _ => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    let method: Method = route.method.parse().expect("a method");
    let operation = &document["paths"][&route.path][route.method.to_ascii_lowercase()];
    assert!(operation.is_object(), "{} is in the document", name(route));
    let mut call = app.call(method, &path).token(who);
    for (kind, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let body = example_of(document, &content["schema"]).expect("an example of the body");
        call = call.header("content-type", kind).body(body.to_string());
    }
    call
}

#[actix_web::test]
async fn who_showed_long_ago_who_they_are_is_asked_again_where_the_page_says_so_and_nowhere_else() {
    let app = TestApp::<Auth>::start().await;
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    let admin = staff(&app, "ada", "admin").await;
    let lea = json!({ "userName": address(&app, "lea") });
    let brought = app.post(USERS).token(token(&admin)).json(&lea).send().await.expect(201).text("id");
    let (mut again, mut wrong) = (0, Vec::new());
    for role in ROLES {
        let mut turn = 0;
        let mut who = stale(&app, role, turn).await;
        for route in routes_of(ROUTES) {
            let is_open = route.who == "anyone" || route.path.starts_with("/internal/");
            let is_staffs = role == "member" && !route.base().starts_with("signed in");
            if is_open || is_staffs || BEHIND_A_SECRET.iter().any(|(secret, _)| *secret == name(&route)) {
                continue;
            }
            let answer = question(&app, &document, &route, (&who, &brought)).send().await;
            let is_asked = answer.body["code"] == "step_up_required";
            again += usize::from(is_asked);
            if is_asked != is_asked_again(&route, role) {
                wrong.push(format!("{} as {role}, {:?}: {:#}", name(&route), route.who, answer.body));
            }
            // They may have left, or signed out.
            if answer.status < 300 && route.method != "GET" {
                turn += 1;
                who = stale(&app, role, turn).await;
            }
        }
        people::profile(&app, &who).await.expect(200);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(again > 40, "{again} routes asked again");
}

#[test]
fn what_no_example_comes_to_is_on_the_page() {
    let routes = routes_of(ROUTES);
    for (secret, _) in BEHIND_A_SECRET {
        assert!(routes.iter().any(|route| name(route) == secret && route.says("stepped up")), "{secret}");
    }
}
