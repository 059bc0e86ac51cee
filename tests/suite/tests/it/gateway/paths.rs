//! Every spelling of an internal path that a gateway or a service might read differently.

use shinkofa_identity::{Keyring, ServiceTokens};
use suite::{Stack, invariants};

use super::problem::problem;
use super::wire::{Wire, request};

const HOSTS: [&str; 3] = ["app", "mail", "pay"];
const SERVICES: [&str; 4] = ["auth", "credits", "booking", "notify"];

/// What must never be answered with anything but a refusal.
const TARGETS: &[&str] = &[
    "/internal/v1/events",
    "//internal/v1/events",
    "///internal//v1//events",
    "/./internal/v1/events",
    "/internal/./v1/events",
    "/v1/../internal/v1/events",
    "/api/../internal/v1/events",
    "/api/auth/../../internal/v1/events",
    "/api/auth/../internal/v1/events",
    "/api/auth/%2e%2e/%2e%2e/internal/v1/events",
    "/api/auth/.%2e/%2E./internal/v1/events",
    "/api/auth/..%2f..%2finternal%2fv1%2fevents",
    "/api/auth/%2e%2e%2f%2e%2e%2finternal/v1/events",
    "/api/auth/..%252f..%252finternal/v1/events",
    "/api/auth/%252e%252e/%252e%252e/internal/v1/events",
    "/api/auth/..;/..;/internal/v1/events",
    "/api/auth/;/../internal/v1/events",
    "/api/auth/%3b/internal/v1/events",
    "/api/auth/..%5c..%5cinternal%5cv1%5cevents",
    "/api/auth/%5c..%5cinternal/v1/events",
    "/api/auth\\..\\..\\internal\\v1\\events",
    "/api/auth//internal/v1/events",
    "/api/auth/internal/v1/events",
    "/api/auth/%c0%ae%c0%ae/%c0%ae%c0%ae/internal/v1/events",
    "/api/auth/\u{ff0e}\u{ff0e}/internal/v1/events",
    "/api/auth/\u{e9}",
    "/api/auth/\u{7f}",
    "/api/auth/<internal>",
    "/api/auth/\"internal\"",
    "/api/auth/`internal`",
    "/api/credits/packages?cursor=\u{e9}",
    "/api/credits/packages?cursor=<a>",
    "/api/auth%00/../internal/v1/events",
    "/api/auth/%00/internal/v1/events",
    "/api/auth/%0d%0aX-Internal:%20yes/internal/v1/events",
    "/%69nternal/v1/events",
    "/%69%6e%74%65%72%6e%61%6c/v1/events",
    "/%2569nternal/v1/events",
    "/internal%2fv1%2fevents",
    "/internal%252fv1%252fevents",
    "/%2finternal/v1/events",
    "/internal/v1/events/",
    "/internal/v1/events%20",
    "/internal/v1/events?after=0:0#/api/auth",
    "/internal;a/v1/events",
    "/internal;/v1/events",
    "/internal.json",
    "/INTERNAL/v1/events",
    "/Internal/V1/Events",
    "/iNtErNaL/v1/holds",
    "/internal/v1/holds",
    "/internal/v1/reservations",
    "/internal/v1/revocations",
    "/internal/v1/introspect",
    "/internal/v1/personal-data",
    "/api/docs/../../internal/v1/events",
    "/verify-email/../internal/v1/events",
    "/metrics",
    "//metrics",
    "/metrics/",
    "/METRICS",
    "/%6detrics",
    "/api/metrics",
    "/api/auth/metrics",
    "/api/auth/..%2fmetrics",
    "/healthz",
    "/%68ealthz",
    "/readyz",
    "/api/healthz",
    "/api/booking/../../readyz",
    "/_problem",
    "/%5fproblem",
    "/nginx_status",
    "/debug/pprof",
    "/.git/config",
    "/.env",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/api",
    "/api/",
    "/api/authentication",
    "/api/bookingfoo",
    "/api/docs/internal.json",
    "http://127.0.0.1:18201/internal/v1/events",
    "http://localhost/internal/v1/events",
    "https://app.shinkofa.localhost/internal/v1/events",
    "https://app.shinkofa.localhost/api/auth/../../internal/v1/events",
    "ftp://app.shinkofa.localhost/internal/v1/events",
    "internal/v1/events",
    "*",
    "?/internal/v1/events",
];

const METHODS: [&str; 3] = ["GET", "POST", "OPTIONS"];

/// Tokens that the internal listeners accept: only the way there may be missing.
fn good_tokens(stack: &Stack) -> Vec<String> {
    let keyring = Keyring::parse(&stack.secret("jwt-service-keyring")).expect("the stack's keyring");
    let tokens = ServiceTokens::new(keyring, "notify", stack.clock.clone());
    SERVICES.iter().map(|service| tokens.sign(service, "feed", None, None).expect("signed")).collect()
}

#[tokio::test]
async fn no_spelling_of_a_path_reaches_an_internal_route_even_with_a_services_own_token() {
    let stack = Stack::attach().await;
    let (wire, tokens) = (Wire::to(&stack), good_tokens(&stack));
    let authorizations: Vec<String> = tokens.iter().map(|token| format!("Bearer {token}")).collect();
    for host in HOSTS {
        let name = format!("{host}.{}", stack.domain);
        for target in TARGETS {
            for method in METHODS {
                for authorization in &authorizations {
                    let bytes = request(method, target, &name, &[("Authorization", authorization)], b"");
                    let reply = wire.ask(&name, &bytes);
                    let what = format!("{method} {target} on {host}");
                    assert!(matches!(reply.status, 400 | 404 | 405 | 421), "{what}: {reply:?}");
                    problem(&what, &reply);
                    // The other tokens differ by their audience, which the gateway does not read.
                    if !target.contains("api") {
                        break;
                    }
                }
            }
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn the_tokens_of_the_path_matrix_are_good_where_the_gateway_does_not_stand_between() {
    let stack = Stack::attach().await;
    for (service, token) in SERVICES.iter().zip(good_tokens(&stack)) {
        let port = stack.processes_of(service).await[0].ports[1];
        let url = format!("http://127.0.0.1:{port}/internal/v1/events?limit=1");
        let answer = stack.call(reqwest::Method::GET, url).bearer(&token).send().await.expect(200);
        assert!(answer.body["items"].is_array(), "{:#}", answer.body);
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn methods_that_no_route_has_are_refused_with_a_problem() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let name = format!("app.{}", stack.domain);
    for (method, target) in [
        ("TRACE", "/api/auth/signin"),
        ("CONNECT", "127.0.0.1:18201"),
        ("CONNECT", "/internal/v1/events"),
        ("PROPFIND", "/api/user/profile"),
        ("BREW", "/api/user/profile"),
        ("get", "/api/user/profile"),
        ("DELETE", "/api/auth/signin"),
        ("PUT", "/api/booking/create"),
        ("PATCH", "/api/credits/packages"),
    ] {
        let reply = wire.ask(&name, &request(method, target, &name, &[], b""));
        let what = format!("{method} {target}");
        assert!(matches!(reply.status, 400 | 404 | 405), "{what}: {reply:?}");
        problem(&what, &reply);
    }
    invariants::check(&stack).await;
}
