//! The OpenAPI documents: what they say is what happens, through the gateway, for everybody and for an admin.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::Method;
use serde_json::{Value, json};
use suite::{Call, ClassTerms, PackageTerms, SessionTerms, Stack, invariants};

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
                let content = &response["content"]["application/problem+json"];
                assert!(
                    content["schema"]["$ref"]
                        .as_str()
                        .is_some_and(|schema| schema.ends_with("ProblemDocument")),
                    "{name} {status}"
                );
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
            operation.call(&stack).send().await.expect_problem(401, "unauthenticated");
            operation.call(&stack).bearer("not-a-token").send().await.expect_problem(401, "unauthenticated");
            let answer =
                operation.call(&stack).header("authorization", "Basic YWRtaW46YWRtaW4=").send().await;
            assert_eq!(
                answer.expect_problem(401, "unauthenticated").headers["www-authenticate"],
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

/// Who asks in one run of schemathesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Nobody,
    Admin,
    /// Somebody who signed up for this run alone.
    Member,
}

/// One run of schemathesis over some routes of one document.
struct Run {
    service: &'static str,
    host: &'static str,
    caller: Caller,
    /// Only these paths; empty means all but `except`.
    only: &'static [&'static str],
    except: &'static [&'static str],
}

const fn all_of(service: &'static str, caller: Caller, except: &'static [&'static str]) -> Run {
    Run { service, host: "app", caller, only: &[], except }
}

const MAILBOX: &[&str] = &["/", "/api/messages"];
/// Ends the session that the other requests of a run need, so it has a run and a session of its own.
const LOGOUT: &[&str] = &["/api/auth/logout"];
/// Ends every session of whoever asks, and what it is asked about may take the password away: for nobody whom others need.
const SESSIONS: &[&str] = &[
    "/api/auth/sessions",
    "/api/auth/sessions/{id}",
    "/api/auth/security-timeline",
    "/api/auth/security-timeline/{eventId}/not-me",
];
/// What staff do to members: done to whomever a run finds, it would lock out those whom the other tests sign in as. Asked by
/// somebody who may not.
const STAFF: &[&str] = &[
    "/api/admin/users/{userId}/lock",
    "/api/admin/users/{userId}/unlock",
    "/api/admin/users/{userId}/sign-out",
    "/api/admin/users/{userId}/impersonate",
];
/// Settings of the studio that all tests share, and the way out of it: for somebody who may not, and whom nobody needs.
const STUDIO: &[&str] = &["/api/tenants/current", "/api/tenants/members/me"];
const ENDINGS: &[&str] = &[
    "/api/admin/users/{userId}/lock",
    "/api/admin/users/{userId}/unlock",
    "/api/admin/users/{userId}/sign-out",
    "/api/admin/users/{userId}/impersonate",
    "/api/auth/logout",
    "/api/auth/sessions",
    "/api/auth/sessions/{id}",
    "/api/auth/security-timeline",
    "/api/auth/security-timeline/{eventId}/not-me",
    "/api/tenants/current",
    "/api/tenants/members/me",
];

/// Every route of every document, asked by an admin and by nobody. What a run leaves out, another has.
const RUNS: [Run; 13] = [
    all_of("auth", Caller::Nobody, &[]),
    all_of("auth", Caller::Admin, ENDINGS),
    Run { service: "auth", host: "app", caller: Caller::Member, only: SESSIONS, except: &[] },
    Run { service: "auth", host: "app", caller: Caller::Member, only: STAFF, except: &[] },
    Run { service: "auth", host: "app", caller: Caller::Member, only: STUDIO, except: &[] },
    Run { service: "auth", host: "app", caller: Caller::Admin, only: LOGOUT, except: &[] },
    all_of("credits", Caller::Nobody, &[]),
    all_of("credits", Caller::Admin, &[]),
    all_of("booking", Caller::Nobody, &[]),
    all_of("booking", Caller::Admin, &[]),
    all_of("notify", Caller::Nobody, MAILBOX),
    all_of("notify", Caller::Admin, MAILBOX),
    Run { service: "notify", host: "mail", caller: Caller::Nobody, only: MAILBOX, except: &[] },
];

#[tokio::test]
async fn schemathesis_finds_no_server_error_and_no_undeclared_answer() {
    let stack = Stack::attach().await;
    let program = schemathesis();
    let known = what_exists(&stack).await;
    let mut violations = String::new();
    for run in &RUNS {
        let token = match run.caller {
            Caller::Nobody => None,
            // One of these ends its session, and another changes what the account signs in with.
            Caller::Admin if run.service == "auth" => Some(stack.admin_of_its_own().await.token),
            Caller::Admin => Some(stack.admin().await.token),
            Caller::Member => Some(stack.sign_up("en").await.member.token),
        };
        let mut command = run.command(&stack, &program, token.as_deref());
        command.env("SUITE_KNOWN", known.to_string());
        let output =
            tokio::task::spawn_blocking(move || command.output()).await.expect("a thread").expect("a run");
        let said = said(&output);
        let (service, caller) = (run.service, run.caller);
        assert!(
            said.contains("API operations") || said.contains("Operations"),
            "{service} {caller:?}: nothing was tried\n{said}"
        );
        if !output.status.success() {
            violations.push_str(&format!("\n===== {service} as {caller:?} on {}\n{said}", run.host));
        }
    }
    assert!(violations.is_empty(), "{violations}");
    invariants::check(&stack).await;
}

/// Things that requests may name, by the names that paths and bodies have for them: an account of somebody, and what the
/// admin has on sale, has bought and has booked.
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
    })
}

impl Run {
    fn command(&self, stack: &Stack, program: &Path, token: Option<&str>) -> Command {
        let sources = sources();
        let mut command = Command::new(program);
        command
            .arg("--config-file")
            .arg(sources.join("schemathesis.toml"))
            .arg("run")
            .arg(stack.url(&format!("/api/docs/{}.json", self.service)))
            .args(["--url", &stack.url_of(self.host, "")])
            .arg("--tls-verify")
            .arg(&stack.authority);
        for path in self.only {
            command.args(["--include-path", path]);
        }
        for path in self.except {
            command.args(["--exclude-path", path]);
        }
        if let Some(token) = token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        command
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("PYTHONPATH", &sources)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .current_dir(installed());
        command
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis")
}

/// Where schemathesis is installed once and found again: inside the build folder.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the build folder").join("schemathesis")
}

/// Installs the pinned versions unless they are there. The note of what is there is written last, so an installation
/// that was cut off is made anew.
fn schemathesis() -> PathBuf {
    let (folder, pins) = (installed(), sources().join("requirements.txt"));
    let program = folder.join("bin/schemathesis");
    let note = folder.join("installed");
    let wanted = std::fs::read(&pins).expect("the pins");
    if std::fs::read(&note).is_ok_and(|found| found == wanted) {
        return program;
    }
    drop(std::fs::remove_dir_all(&folder));
    finish(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let pip = folder.join("bin/pip");
    finish(
        Command::new(pip)
            .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
            .arg(&pins),
    );
    std::fs::write(note, wanted).expect("the note is written");
    program
}

fn finish(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?} failed\n{}", said(&output));
}
