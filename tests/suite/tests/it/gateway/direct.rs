//! Around the gateway: what a service answers to somebody on the loopback who has no token for it.

use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_identity::{Keyring, ServiceTokens};
use shinkofa_testing::routes_of;
use suite::{Answer, Process, Stack, invariants};

const SERVICES: [&str; 4] = ["auth", "credits", "booking", "notify"];

/// A protected route of each service, as its public listener has it.
const PROTECTED: [(&str, &str); 4] = [
    ("auth", "/api/user/profile"),
    ("credits", "/api/credits/wallet"),
    ("booking", "/api/booking"),
    ("notify", "/api/notifications"),
];

/// What the platform gives the internal listener of every service, beside the lines of its page, and the scope that each asks for.
const OF_EVERY_SERVICE: [(&str, &str); 4] = [
    ("/internal/v1/events", "feed"),
    ("/internal/v1/privacy/processing", "privacy"),
    ("/internal/v1/privacy/exports/{userId}", "privacy"),
    ("/internal/v1/privacy/erasures/{userId}", "privacy"),
];

/// A route of an internal listener.
struct Internal {
    service: &'static str,
    method: Method,
    path: String,
    scope: String,
}

/// All that there are: those of the pages `services/*/src/routes.rs`, and those that every service has.
fn internal_routes(stack: &Stack) -> Vec<Internal> {
    let mut routes = Vec::new();
    for service in SERVICES {
        let page = stack.checkout.join("services").join(service).join("src/routes.rs");
        let page =
            std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for line in routes_of(&page).into_iter().filter(|line| line.path.starts_with("/internal/")) {
            let scope = line.who.strip_prefix("service:");
            let scope = scope.unwrap_or_else(|| panic!("{} {}: which scope?", line.method, line.path));
            let method = line.method.parse().expect("a method");
            let (path, scope) = (with_example_ids(&line.path), scope.to_owned());
            routes.push(Internal { service, method, path, scope });
        }
        for (path, scope) in OF_EVERY_SERVICE {
            let (path, scope) = (with_example_ids(path), scope.to_owned());
            routes.push(Internal { service, method: Method::GET, path, scope });
        }
    }
    routes
}

fn with_example_ids(path: &str) -> String {
    let example = |part: &str| {
        if part.starts_with('{') { "01920000-0000-7000-8000-0000000000aa" } else { part }.to_owned()
    };
    path.split('/').map(example).collect::<Vec<_>>().join("/")
}

/// What a gateway would set, claimed by somebody who is none.
const CLAIMS: [(&str, &str); 10] = [
    ("x-user-id", "01920000-0000-7000-8000-0000000000aa"),
    ("x-tenant-id", "01920000-0000-7000-8000-000000000001"),
    ("x-roles", "admin"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-real-ip", "127.0.0.1"),
    ("x-forwarded-proto", "https"),
    ("x-internal-token", "yes"),
    ("x-service-token", "yes"),
    ("x-service", "booking"),
    ("x-request-id", "0af7651916cd43dd8448eb211c80319c"),
];

/// A listener of the first replica: 0 is the public one, 1 the internal one.
async fn listener(stack: &Stack, service: &str, which: usize) -> String {
    let processes: Vec<Process> = stack.processes_of(service).await;
    format!("http://127.0.0.1:{}", processes[0].ports[which])
}

async fn ask_claiming(stack: &Stack, method: Method, url: String, token: Option<&str>) -> Answer {
    let mut call = stack.call(method.clone(), url).header("host", &format!("app.{}", stack.domain));
    for (name, value) in CLAIMS {
        call = call.header(name, value);
    }
    if let Some(token) = token {
        call = call.bearer(token);
    }
    if method != Method::GET {
        call = call.json(&json!({}));
    }
    call.send().await
}

#[tokio::test]
async fn a_public_listener_called_directly_believes_no_header() {
    let stack = Stack::attach().await;
    for (service, path) in PROTECTED {
        let url = listener(&stack, service, 0).await + path;
        ask_claiming(&stack, Method::GET, url, None).await.expect_problem(401, "unauthenticated");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_public_listener_has_no_internal_route_not_even_for_a_service() {
    let stack = Stack::attach().await;
    let keyring = Keyring::parse(&stack.secret("jwt-service-keyring")).expect("the stack's keyring");
    let tokens = ServiceTokens::new(keyring, "notify", stack.clock.clone());
    for service in SERVICES {
        let base = listener(&stack, service, 0).await;
        let token = tokens.sign(service, "feed", None, None).expect("signed");
        for path in [
            "/internal/v1/events",
            "/metrics",
            "/healthz",
            "/readyz",
            "//internal/v1/events",
            "/%69nternal/v1/events",
        ] {
            let answer = ask_claiming(&stack, Method::GET, format!("{base}{path}"), Some(&token)).await;
            answer.expect_problem(404, "not_found");
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn an_internal_listener_answers_only_a_service_that_proves_itself() {
    let stack = Stack::attach().await;
    let admin = stack.admin().await.token;
    let good = Keyring::parse(&stack.secret("jwt-service-keyring")).expect("the stack's keyring");
    let users = Keyring::parse(&stack.secret("jwt-keyring")).expect("the stack's keyring");
    let good = ServiceTokens::new(good, "notify", stack.clock.clone());
    let wrong_key = ServiceTokens::new(users, "notify", stack.clock.clone());
    let routes = internal_routes(&stack);
    assert!(routes.len() > 30, "{} routes", routes.len());
    for Internal { service, method, path, scope } in routes {
        let url = listener(&stack, service, 1).await + &path;
        let elsewhere = if service == "auth" { "booking" } else { "auth" };
        for (what, token) in [
            ("nobody", None),
            ("an admin", Some(admin.clone())),
            ("a service that calls another", Some(good.sign(elsewhere, "feed", None, None).expect("signed"))),
            (
                "who knows the key of people's tokens",
                Some(wrong_key.sign(service, "feed", None, None).expect("signed")),
            ),
            ("a made-up token", Some("eyJhbGciOiJub25lIn0.e30.".to_owned())),
        ] {
            let answer = ask_claiming(&stack, method.clone(), url.clone(), token.as_deref()).await;
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (401, &json!("unauthenticated")),
                "{what} at {service}{path}"
            );
        }
        let of_another_route = if scope == "feed" { "trust" } else { "feed" };
        for wrong in ["nothing", of_another_route] {
            let wrong = good.sign(service, wrong, None, None).expect("signed");
            let answer = ask_claiming(&stack, method.clone(), url.clone(), Some(&wrong)).await;
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (403, &json!("permission_denied")),
                "another scope than {scope} at {service}{path}"
            );
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn probes_tell_nothing_that_matters() {
    let stack = Stack::attach().await;
    for service in SERVICES {
        let base = listener(&stack, service, 1).await;
        let ready = stack.call(Method::GET, format!("{base}/readyz")).send().await.expect(200);
        assert_eq!(ready.body["status"], "ready", "{:#}", ready.body);
        let metrics = stack.call(Method::GET, format!("{base}/metrics")).send().await.expect(200);
        let Value::String(text) = metrics.body else { panic!("metrics are text") };
        for secret in ["jwt-keyring", "jwt-service-keyring", "delivery-key", "redis-password"] {
            let secret = stack.secret(secret);
            let secret = secret.rsplit(':').next().unwrap_or_default();
            assert!(!text.contains(secret), "{service}'s metrics hold a secret");
        }
        assert!(!text.contains(&format!("@{}", stack.domain)), "{service}'s metrics hold an address");
    }
    invariants::check(&stack).await;
}
