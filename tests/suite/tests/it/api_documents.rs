//! The OpenAPI documents: what they say is what happens, through the gateway, for everybody and for an admin.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use suite::{Answer, Call, ClassTerms, PackageTerms, SessionTerms, Stack, invariants};

use crate::studios::Studio;

const SERVICES: [&str; 4] = ["auth", "credits", "booking", "notify"];
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Everything that answers without a token.
const PUBLIC: &[&str] = &[
    "POST /api/auth/signup",
    "POST /api/auth/signin",
    "POST /api/auth/signin/mfa",
    "POST /api/auth/signin/mfa/email",
    "POST /api/auth/token",
    "POST /api/auth/signin/mfa/passkey/options",
    "POST /api/auth/signin/mfa/passkey/verify",
    "POST /api/auth/passkeys/login/options",
    "POST /api/auth/passkeys/login/verify",
    "POST /api/auth/email/verify",
    "POST /api/auth/email/resend",
    "POST /api/auth/refresh",
    "POST /api/auth/csrf",
    "POST /api/auth/password/forgot",
    "POST /api/auth/password/reset",
    "POST /api/auth/email/change/confirm",
    "POST /api/auth/email/change/undo",
    "POST /api/auth/signin/not-me",
    "POST /api/auth/magic-link",
    "POST /api/auth/magic-link/consume",
    "POST /api/auth/otp/send",
    "POST /api/auth/otp/verify",
    "POST /api/auth/anonymous",
    "GET /api/auth/oauth",
    "GET /api/auth/processing-register",
    "GET /api/me/certificates/{certificateId}",
    "POST /api/auth/oauth/{provider}/start",
    "GET /api/auth/oauth/{provider}/callback",
    "POST /api/auth/oauth/exchange",
    "GET /api/docs",
    "GET /verify-email",
    "GET /magic-link",
    "GET /reset-password",
    "GET /confirm-email-change",
    "GET /undo-email-change",
    "GET /not-me",
    "POST /api/tenants/invitations/join",
    "GET /api/tenants/scim/v2/ServiceProviderConfig",
    "GET /api/tenants/scim/v2/ResourceTypes",
    "GET /api/tenants/scim/v2/Schemas",
    "GET /invitation",
    "GET /api/credits/packages",
    "POST /api/webhooks/stripe",
    "GET /payment/{paymentId}",
    "GET /api/classes",
    "GET /api/classes/{id}",
    "GET /api/sessions",
    "GET /api/sessions/{id}",
    "GET /api/messages",
    "GET /",
];

/// One route as its document describes it.
pub struct Operation {
    pub method: Method,
    pub path: String,
    public: bool,
    pub description: Value,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Are its refusals SCIM's, and not problems?
    fn speaks_scim(&self) -> bool {
        self.path.starts_with("/api/tenants/scim/v2/")
    }

    /// What its body is described by, whichever media type it is sent as.
    pub fn body_schema(&self) -> &Value {
        let content = &self.description["requestBody"]["content"];
        let kinds = ["application/json", "application/scim+json"].into_iter();
        let described = kinds.map(|kind| &content[kind]["schema"]).find(|schema| !schema.is_null());
        described.unwrap_or(&Value::Null)
    }

    /// Fails the test unless it answered 401 in its own words.
    #[track_caller]
    fn expect_unauthenticated(&self, answer: Answer) -> Answer {
        if !self.speaks_scim() {
            return answer.expect_problem(401, "unauthenticated");
        }
        let answer = answer.expect(401);
        assert_eq!(answer.headers["content-type"], "application/scim+json", "{}", self.name());
        assert_eq!(
            (&answer.body["code"], &answer.body["status"]),
            (&json!("unauthenticated"), &json!("401"))
        );
        answer
    }

    /// The development mailbox has a host of its own.
    fn host(&self) -> &'static str {
        if matches!(self.path.as_str(), "/" | "/api/messages") { "mail" } else { "app" }
    }

    /// A request for it, with ids of nothing where the path wants ids.
    pub fn call(&self, stack: &Stack) -> Call {
        self.call_about(stack, "01920000-0000-7000-8000-0000000000aa", &json!({}))
    }

    /// The same with this id wherever the path wants one, and this body where there is one.
    pub fn call_about(&self, stack: &Stack, id: &str, body: &Value) -> Call {
        self.call_about_each(stack, &[id], body)
    }

    /// The same with ids in the order of the path; the last stands for those that follow.
    pub fn call_about_each(&self, stack: &Stack, ids: &[&str], body: &Value) -> Call {
        let (mut path, mut turn) = (self.path.clone(), 0);
        while let Some((before, after)) = path.clone().split_once('{') {
            let (_, rest) = after.split_once('}').expect("a closed parameter");
            let id = ids.get(turn).or(ids.last()).expect("an id");
            path = format!("{before}{id}{rest}");
            turn += 1;
        }
        let call = stack.call(self.method.clone(), stack.url_of(self.host(), &path));
        if self.method == Method::GET { call } else { call.json(body) }
    }
}

pub async fn document(stack: &Stack, service: &str) -> Value {
    stack.get(&format!("/api/docs/{service}.json")).send().await.expect(200).body
}

pub async fn operations(stack: &Stack, service: &str) -> Vec<Operation> {
    let document = document(stack, service).await;
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            let description = item[*method].clone();
            let public = description["security"].as_array().is_none_or(Vec::is_empty);
            let method = method.to_ascii_uppercase().parse().expect("a method");
            operations.push(Operation { method, path: path.clone(), public, description });
        }
    }
    operations
}

#[tokio::test]
async fn every_document_is_served_and_declares_what_its_routes_answer() {
    let stack = Stack::attach().await;
    let page = stack.get("/api/docs").send().await.expect(200);
    let kind = page.headers["content-type"].to_str().unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{kind}");
    let html = page.body.as_str().expect("a page");
    // The page fetches each document by its service's name.
    let names = html.split("data-services=\"").nth(1).and_then(|rest| rest.split('"').next());
    let listed: Vec<&str> = names.unwrap_or_default().split(' ').collect();
    for service in SERVICES {
        assert!(listed.contains(&service), "{service} is not on the page");
        let document = document(&stack, service).await;
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{service}");
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer", "{service}");
        for operation in operations(&stack, service).await {
            let name = operation.name();
            assert!(!operation.path.starts_with("/internal"), "{name} is shown to the world");
            let responses =
                operation.description["responses"].as_object().unwrap_or_else(|| panic!("{name}"));
            assert!(!responses.contains_key("default"), "{name} declares nothing in particular");
            // A browser that is sent on has got what it came for.
            assert!(responses.keys().any(|status| status.starts_with(['2', '3'])), "{name} never succeeds");
            assert!(responses.contains_key("401") || operation.public, "{name} declares no 401");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let (kind, shape) = if operation.speaks_scim() {
                    ("application/scim+json", "ScimError")
                } else {
                    ("application/problem+json", "ProblemDocument")
                };
                let schema = &response["content"][kind]["schema"]["$ref"];
                assert!(schema.as_str().is_some_and(|schema| schema.ends_with(shape)), "{name} {status}");
            }
        }
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn every_route_of_every_document_is_401_without_a_token_unless_it_is_public() {
    let stack = Stack::attach().await;
    let mut public = BTreeSet::new();
    let mut protected = 0;
    for service in SERVICES {
        for operation in operations(&stack, service).await {
            let name = operation.name();
            if operation.public {
                public.insert(name);
                continue;
            }
            protected += 1;
            operation.expect_unauthenticated(operation.call(&stack).send().await);
            operation.expect_unauthenticated(operation.call(&stack).bearer("not-a-token").send().await);
            let answer =
                operation.call(&stack).header("authorization", "Basic YWRtaW46YWRtaW4=").send().await;
            assert_eq!(
                operation.expect_unauthenticated(answer).headers["www-authenticate"],
                "Bearer",
                "{name}"
            );
        }
    }
    assert!(protected >= 12, "{protected} protected routes");
    for name in &public {
        assert!(
            PUBLIC.contains(&name.as_str()),
            "{name} answers anybody: protect it, or say here that it is public"
        );
    }
    invariants::check(&stack).await;
}

/// Things that requests may name, by the names that paths and bodies have for them: an account of somebody, what the admin has on
/// sale, has bought and has booked, and words that are not free to choose.
pub async fn what_exists(stack: &Stack) -> Value {
    let person = stack.sign_up("en").await;
    let admin = stack.admin().await;
    let package = stack.package(&admin, PackageTerms { credits: 5, validity_days: 30 }).await;
    let payment = stack.buy(&admin, &package).await.payment_id;
    let class = stack.class(&admin, ClassTerms { credit_cost: 1 }).await;
    let session = stack.session(&admin, &class, SessionTerms::far_ahead(5)).await;
    let reservation = stack.book(&admin, &session).await.expect(201).text("reservationId");
    json!({
        "email": person.email,
        "password": person.password,
        "refreshToken": person.refresh_token,
        "packageId": package,
        "paymentId": payment,
        "classId": class,
        "sessionId": session,
        "reservationId": reservation,
        "roles": ["member"],
        "permissions": ["booking.sessions.manage"],
        "scopes": ["booking.classes.manage"],
        "eventTypes": ["membership.locked"],
        "url": "https://hooks.example.org/shinkofa",
    })
}

/// What auth keeps for a studio, by the paths that are about it, as `[method, path, names]`: one of each for whoever deletes it, and
/// one for all others.
pub async fn what_auth_keeps(stack: &Stack, studio: &Studio) -> Vec<Value> {
    let make = async |path: &str, body: Value| studio.order(stack, path, &body).await.expect(201).body;
    let mut known = Vec::new();
    for method in [Some("DELETE"), None] {
        let subject = studio.new_member(stack).await;
        for path in ["/api/tenants/members/{userId}", "/api/admin/users/{userId}"] {
            known.push(json!([method, path, { "userId": subject }]));
        }
        let account = json!({ "name": "Import", "scopes": ["booking.classes.manage"] });
        let account = make("/api/tenants/service-accounts", account).await["id"].clone();
        let keys = format!("/api/tenants/service-accounts/{}/keys", account.as_str().unwrap_or_default());
        let key = make(&keys, json!({ "name": "Import" })).await["id"].clone();
        let beneath = "/api/tenants/service-accounts/{id}";
        known.push(json!([method, beneath, { "id": account, "keyId": key }]));
        let role = stack.fresh("role");
        make("/api/tenants/roles", json!({ "name": role, "permissions": [] })).await;
        known.push(json!([method, "/api/tenants/roles/{name}", { "name": role }]));
        let made = make("/api/tenants/invitations", json!({ "kind": "code", "roles": ["member"] })).await;
        let beneath = "/api/tenants/invitations/{invitationId}";
        known.push(json!([method, beneath, { "invitationId": made["invitationId"] }]));
        let webhook =
            json!({ "url": "https://hooks.example.org/shinkofa", "eventTypes": ["membership.locked"] });
        let webhook = make("/api/tenants/webhooks", webhook).await["id"].clone();
        known.push(json!([method, "/api/tenants/webhooks/{id}", { "id": webhook }]));
        let brought = json!({ "userName": format!("{}@{}", stack.fresh("brought"), stack.domain) });
        let brought = make("/api/tenants/scim/v2/Users", brought).await["id"].clone();
        known.push(json!([method, "/api/tenants/scim/v2/Users/{id}", { "id": brought }]));
    }
    let ban =
        json!({ "banId": stack.clock.new_uuid().to_string(), "address": "192.0.2.8", "reason": "Spam" });
    studio.order(stack, "/api/admin/bans", &ban).await.expect(200);
    known.push(json!(["DELETE", "/api/admin/bans/{banId}", { "banId": ban["banId"] }]));
    known
}
