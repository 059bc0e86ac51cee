//! Every operation is done for somebody who may: a matrix of refusals alone would be kept by a platform that does nothing.

use serde_json::{Map, Value};
use suite::{Answer, Stack, invariants};

use super::cast::{Cast, Role};
use super::everything::named_by;
use super::expectation::Who;
use super::strangers::Sent;
use super::{matrix, pages};
use crate::api_documents::{Operation, document};

/// What an example is not enough for, and why. Operations whose paths take ids are asked about rows by `strangers.rs`.
const NOT_BY_EXAMPLE: [(&str, &str); 45] = [
    ("POST /api/auth/signin", A_PERSON),
    ("POST /api/auth/reauthenticate", A_PERSON),
    ("POST /api/auth/password/change", A_PERSON),
    ("POST /api/auth/email/change", A_PERSON),
    ("POST /api/me/delete", A_PERSON),
    ("POST /api/me/delete/cancel", BEFORE),
    ("POST /api/auth/anonymous/upgrade", BEFORE),
    ("POST /api/auth/mfa/recovery-codes", BEFORE),
    ("POST /api/auth/reauthenticate/email", BEFORE),
    ("POST /api/auth/reauthenticate/passkey/options", BEFORE),
    ("POST /api/auth/reauthenticate/passkey/verify", BEFORE),
    ("POST /api/auth/passkeys/register/verify", BEFORE),
    ("POST /api/auth/passkeys/login/verify", BEFORE),
    ("POST /api/auth/signin/mfa", BEFORE),
    ("POST /api/auth/signin/mfa/email", BEFORE),
    ("POST /api/auth/signin/mfa/passkey/options", BEFORE),
    ("POST /api/auth/signin/mfa/passkey/verify", BEFORE),
    ("POST /api/auth/email/verify", A_SECRET),
    ("POST /api/auth/email/change/confirm", A_SECRET),
    ("POST /api/auth/email/change/undo", A_SECRET),
    ("POST /api/auth/password/reset", A_SECRET),
    ("POST /api/auth/signin/not-me", A_SECRET),
    ("POST /api/auth/magic-link/consume", A_SECRET),
    ("POST /api/auth/otp/verify", A_SECRET),
    ("POST /api/auth/refresh", A_SECRET),
    ("POST /api/auth/csrf", A_SECRET),
    ("POST /api/auth/token", A_SECRET),
    ("POST /api/auth/oauth/exchange", A_SECRET),
    ("POST /api/tenants/invitations/accept", A_SECRET),
    ("POST /api/tenants/invitations/join", A_SECRET),
    ("POST /api/tenants/switch", A_SECRET),
    ("POST /api/webhooks/stripe", A_SECRET),
    ("POST /api/booking/create", A_ROW),
    ("POST /api/payment/checkout", A_ROW),
    ("POST /api/sessions", A_ROW),
    ("PUT /api/notifications/preferences", "the first kind of its schema is one that nobody switches off"),
    ("PATCH /api/tenants/current", OF_ALL),
    ("DELETE /api/tenants/current", OF_ALL),
    ("PUT /api/tenants/current/domain", OF_ALL),
    ("DELETE /api/tenants/current/domain", OF_ALL),
    ("POST /api/tenants/webhooks", "the address of its example would be sent to"),
    ("GET /api/auth/oauth/{provider}/callback", NO_PROVIDER),
    ("POST /api/auth/oauth/{provider}/start", NO_PROVIDER),
    ("POST /api/auth/oauth/{provider}/link", NO_PROVIDER),
    ("DELETE /api/auth/oauth/{provider}/link", NO_PROVIDER),
];
const A_PERSON: &str = "it takes the password of whoever asks";
const BEFORE: &str = "something has to be done before it";
const A_SECRET: &str = "it takes a secret that was given out";
const A_ROW: &str = "its body names a row";
const OF_ALL: &str = "the studio that all tests share would be another";
const NO_PROVIDER: &str = "the stack has no provider";

/// Who may, and is soon replaced.
fn somebody(who: Who) -> Role {
    match who {
        Who::Anyone => Role::Nobody,
        Who::SignedIn | Who::AsOneself | Who::SignedInOrEnrolling => Role::Member,
        Who::Holder(_) => Role::Admin,
    }
}

async fn ask(stack: &Stack, cast: &mut Cast<'_>, (operation, who): (&Operation, Who), sent: &Sent) -> Answer {
    let role = somebody(who);
    let query: Vec<_> = sent.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let call = operation.call_about(stack, "", &sent.body).query(&query);
    let mut call = call.idempotency_key(&stack.fresh("done"));
    if let Some(token) = cast.token(role).await {
        call = call.bearer(token);
    }
    let answer = call.send().await;
    if answer.status >= 400 {
        eprintln!("{} as {role:?}: {} {:#}", operation.name(), answer.status, answer.body);
    }
    // It may have ended its own session, or changed what it signs in with.
    if operation.method != reqwest::Method::GET {
        cast.leaves(role);
    }
    answer
}

/// How a name that is taken is refused, and an address whose person signed up by another example.
const MADE_BEFORE: [&str; 4] = ["already_invited", "already_member", "role_exists", "slug_taken"];

#[tokio::test]
async fn every_operation_is_done_for_somebody_who_may_with_the_example_of_its_document() {
    let stack = Stack::attach().await;
    let mut documents = Map::new();
    for service in pages(&stack).into_keys() {
        let document = document(&stack, &service).await;
        documents.insert(service, document);
    }
    let matrix = matrix(&stack).await;
    let names: Vec<String> = matrix.iter().map(|(operation, _)| operation.name()).collect();
    for (name, _) in NOT_BY_EXAMPLE {
        assert!(names.iter().any(|known| known == name), "{name} is no operation: take it off the list");
    }
    let mut cast = Cast::gather(&stack).await;
    let mut undone = Vec::new();
    for (operation, who) in &matrix {
        let name = operation.name();
        let is_listed = NOT_BY_EXAMPLE.iter().any(|(listed, _)| *listed == name);
        if is_listed || !named_by(operation).is_empty() {
            continue;
        }
        let sent = Sent::with_every_example(operation, document_of(operation, &documents));
        let answer = ask(&stack, &mut cast, (operation, *who), &sent).await;
        // What an earlier run made by the same name is there already.
        let is_there = MADE_BEFORE.iter().any(|code| answer.body["code"] == *code);
        if answer.status >= 400 && !is_there {
            undone.push(format!("{name}: {}", answer.status));
        }
    }
    assert!(undone.is_empty(), "not done for anybody:\n{}", undone.join("\n"));
    invariants::check(&stack).await;
}

pub fn document_of<'a>(operation: &Operation, documents: &'a Map<String, Value>) -> &'a Value {
    let method = operation.method.as_str().to_ascii_lowercase();
    let document =
        documents.values().find(|document| document["paths"][&operation.path][&method].is_object());
    document.unwrap_or_else(|| panic!("no document has {}", operation.name()))
}
