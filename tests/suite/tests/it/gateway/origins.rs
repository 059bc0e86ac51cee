//! Pages of other origins: ours may call every service, with a session's cookies only where those belong; others nothing.

use serde_json::Value;
use suite::{Stack, invariants};

use super::wire::{Reply, Wire, request};

const SERVICES: [&str; 4] = ["auth", "credits", "booking", "notify"];

/// Every route that sets or reads the cookies of a session, and no other.
const WITH_COOKIES: &[&str] = &[
    "/api/auth/signin",
    "/api/auth/signin/mfa",
    "/api/auth/magic-link",
    "/api/auth/magic-link/consume",
    "/api/auth/otp/send",
    "/api/auth/otp/verify",
    "/api/auth/password/forgot",
    "/api/auth/anonymous",
    "/api/auth/oauth/exchange",
    "/api/auth/passkeys/login/verify",
    "/api/auth/signin/mfa/passkey/verify",
    "/api/auth/reauthenticate/passkey/verify",
    "/api/auth/refresh",
    "/api/auth/csrf",
    "/api/auth/reauthenticate",
    "/api/auth/logout",
];

struct Gateway {
    wire: Wire,
    host: String,
}

impl Gateway {
    fn of(stack: &Stack) -> Self {
        Self { wire: Wire::to(stack), host: format!("app.{}", stack.domain) }
    }

    /// What a browser asks before a page of `origin` calls.
    fn preflight(&self, origin: &str, method: &str, target: &str) -> Reply {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ];
        self.wire.ask(&self.host, &request("OPTIONS", target, &self.host, &headers, b""))
    }

    fn call(&self, origin: &str, target: &str) -> Reply {
        self.wire.ask(&self.host, &request("GET", target, &self.host, &[("Origin", origin)], b""))
    }
}

fn origin_of(stack: &Stack, host: &str) -> String {
    format!("https://{host}.{}:{}", stack.domain, stack.gateway_port)
}

/// Method and path of every documented route, with ids of nothing.
async fn routes(stack: &Stack) -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for service in SERVICES {
        let document = stack.get(&format!("/api/docs/{service}.json")).send().await.expect(200).body;
        for (path, item) in document["paths"].as_object().expect("paths") {
            if path.starts_with("/api/") && path != "/api/messages" {
                let methods = item.as_object().map(serde_json::Map::keys).into_iter().flatten();
                routes.extend(methods.map(|method| (method.to_ascii_uppercase(), with_ids(path))));
            }
        }
    }
    routes
}

fn with_ids(path: &str) -> String {
    let example = |part: &str| if part.starts_with('{') { "1" } else { part }.to_owned();
    path.split('/').map(example).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_page_of_ours_may_call_every_route_and_sends_cookies_where_they_belong_alone() {
    let stack = Stack::attach().await;
    let gateway = Gateway::of(&stack);
    for origin in ["app", "studio", "cloud", "media"].map(|host| origin_of(&stack, host)) {
        let mut with_cookies = 0;
        for (method, target) in routes(&stack).await {
            let what = format!("{method} {target} for {origin}");
            let reply = gateway.preflight(&origin, &method, &target);
            assert_eq!((reply.status, reply.body.len()), (204, 0), "{what}: {reply:?}");
            assert_eq!(
                reply.header("access-control-allow-origin"),
                Some(origin.as_str()),
                "{what}: {reply:?}"
            );
            let methods = reply.header("access-control-allow-methods").unwrap_or_default();
            assert!(methods.split(", ").any(|allowed| allowed == method), "{what}: {methods}");
            let credentials = reply.header("access-control-allow-credentials");
            let expected = WITH_COOKIES.contains(&target.as_str()).then_some("true");
            assert_eq!(credentials, expected, "{what}: {reply:?}");
            assert_eq!(reply.header("vary"), Some("Origin"), "{what}");
            with_cookies += usize::from(expected.is_some());
        }
        assert_eq!(with_cookies, WITH_COOKIES.len(), "every one of them is documented");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn a_page_of_somebody_else_is_let_into_nothing() {
    let stack = Stack::attach().await;
    let gateway = Gateway::of(&stack);
    let (ours, domain) = (origin_of(&stack, "studio"), &stack.domain);
    let strangers = [
        "null".to_owned(),
        "https://evil.test".to_owned(),
        origin_of(&stack, "evil"),
        origin_of(&stack, "mail"),
        format!("https://studio.{domain}"),
        format!("http://studio.{domain}:{}", stack.http_port),
        format!("{ours}.evil.test"),
        format!("{ours}/"),
        format!("{ours} https://evil.test"),
    ];
    for origin in &strangers {
        for target in ["/api/auth/refresh", "/api/auth/signin", "/api/credits/packages", "/nothing"] {
            for reply in [gateway.preflight(origin, "POST", target), gateway.call(origin, target)] {
                let told = reply
                    .headers
                    .iter()
                    .filter(|(name, _)| name.to_ascii_lowercase().starts_with("access-control-"));
                assert_eq!(told.count(), 0, "{origin} {target}: {reply:?}");
                assert_ne!(reply.status, 204, "{origin} {target}: {reply:?}");
            }
        }
    }
    // Nor is anything answered for what no service has.
    for target in ["/nothing", "/internal/v1/events", "/api/auth/../../internal/v1/events", "/metrics"] {
        let reply = gateway.preflight(&ours, "POST", target);
        assert!(matches!(reply.status, 400 | 404), "{target}: {reply:?}");
    }
    invariants::check(&stack).await;
}

/// What a page reads of a refusal is the same whoever refuses.
#[tokio::test]
async fn a_page_of_ours_reads_refusals_of_services_and_of_the_gateway() {
    let stack = Stack::attach().await;
    let gateway = Gateway::of(&stack);
    let ours = origin_of(&stack, "studio");
    for (target, status) in [("/api/user/profile", 401), ("/nothing", 404), ("/api/credits/packages", 200)] {
        let reply = gateway.call(&ours, target);
        assert_eq!(reply.status, status, "{target}: {reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(ours.as_str()), "{target}: {reply:?}");
        let exposed = reply.header("access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("X-Request-Id") && exposed.contains("Retry-After"), "{target}: {exposed}");
        let body: Value = reply.json();
        assert!(body.is_object(), "{target}");
    }
    invariants::check(&stack).await;
}
