//! What stands in mails: what is its reader's own, and nothing that a mail program would fetch from anywhere.

use serde_json::{Value, json};
use suite::{Call, Stack, invariants};

use crate::auth_ways::Walk;
use crate::codes::holds;

/// All that a mail says, headers and both bodies.
fn all_of(mails: &[Value]) -> String {
    mails.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

/// A code of a few digits has to stand there by itself: longer numbers hold it by chance.
fn stands_in(secret: &str, mails: &str) -> bool {
    if secret.len() < 10 { holds(mails, secret) } else { mails.contains(secret) }
}

#[tokio::test]
async fn nobodys_secret_stands_in_a_mail_to_somebody_else() {
    let stack = Stack::attach().await;
    let (one, other) = (Walk::all(&stack).await, Walk::all(&stack).await);
    for (owner, reader) in [(&one, &other), (&other, &one)] {
        let mails = all_of(&stack.mails_to(&reader.person.email).await);
        assert!(mails.contains("#token="), "the search finds what is there");
        for (what, secret) in &owner.secrets {
            assert!(!stands_in(secret, &mails), "{what} of one person stands in a mail to another");
        }
        assert!(!mails.contains(&owner.person.email), "an address stands in somebody else's mail");
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn no_password_and_no_lasting_token_is_mailed_even_to_its_owner() {
    let stack = Stack::attach().await;
    let walk = Walk::all(&stack).await;
    let mails = all_of(&stack.mails_to(&walk.person.email).await);
    let mailed = ["the token of a mailed link", "a mailed code", "an IPv4 address", "an IPv6 address"];
    for (what, secret) in walk.secrets.iter().filter(|(what, _)| !mailed.contains(what)) {
        assert!(!stands_in(secret, &mails), "{what} is mailed");
    }
    for (what, address) in walk.secrets.iter().filter(|(what, _)| what.ends_with("address")) {
        assert!(!mails.contains(address.as_str()), "{what} is mailed in full");
    }
    invariants::check(&stack).await;
}

/// Everything that makes a mail program fetch something, or do something, when a mail is merely looked at.
const FETCHED: [&str; 21] = [
    "<img",
    "<script",
    "<link",
    "<iframe",
    "<object",
    "<embed",
    "<video",
    "<audio",
    "<source",
    "<form",
    "<base",
    "<svg",
    "<input",
    "<meta http-equiv",
    "src=",
    "srcset=",
    "background=",
    "url(",
    "@import",
    "javascript:",
    "data:",
];

#[tokio::test]
async fn no_mail_has_remote_content_and_every_link_leads_to_the_platform() {
    let stack = Stack::attach().await;
    let walk = Walk::all(&stack).await;
    let ours = stack.url("/");
    let mails = stack.mails_to(&walk.person.email).await;
    assert!(mails.len() >= 5, "{} mails", mails.len());
    for mail in &mails {
        let subject = &mail["subject"];
        let html =
            mail["html"].as_str().unwrap_or_else(|| panic!("{subject} has no HTML")).to_ascii_lowercase();
        for fetched in FETCHED {
            assert!(!html.contains(fetched), "{subject}: {fetched} in {html}");
        }
        let text = mail["text"].as_str().unwrap_or_else(|| panic!("{subject} has no text"));
        for body in [html.as_str(), text] {
            for (place, _) in body.match_indices("http") {
                let address = &body[place..];
                if address.starts_with("http://") || address.starts_with("https://") {
                    let shown: String = address.chars().take(120).collect();
                    assert!(address.starts_with(&ours), "{subject}: a link leads to {shown}");
                }
            }
            assert!(!body.contains("//cdn") && !body.contains("=\"//"), "{subject}: {body}");
        }
    }
    invariants::check(&stack).await;
}

/// Everything that proxies say of the host that they were asked for.
fn forged(call: Call) -> Call {
    let call = call.header("x-forwarded-host", "evil.test").header("x-forwarded-server", "evil.test");
    call.header("x-forwarded-proto", "http").header("forwarded", "host=evil.test;proto=http")
}

/// V4: from the request through the gateway to the mail, a link is the installation's own whatever the request says.
#[tokio::test]
async fn v04_a_forged_host_stands_in_no_mail() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let [new, other] = ["new", "other"].map(|who| format!("{}@{}", stack.fresh(who), stack.domain));
    let signup = json!({ "email": new, "password": stack.fresh("Passw0rd"), "name": "Camille Exemple" });
    let link =
        json!({ "email": person.email, "codeChallenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" });
    let change = json!({ "newEmail": other, "currentPassword": person.password });
    for (path, body, to, page) in [
        ("/api/auth/signup", signup, &new, "verify-email"),
        ("/api/auth/magic-link", link, &person.email, "magic-link"),
        ("/api/auth/password/forgot", json!({ "email": person.email }), &person.email, "reset-password"),
        ("/api/auth/email/change", change, &other, "confirm-email-change"),
    ] {
        forged(stack.post(path).bearer(&person)).json(&body).send().await.expect(202);
        let mail = stack.mail_with(to, &format!("/{page}#token=")).await;
        let ours = stack.url(&format!("/{page}#token="));
        assert!(mail["text"].as_str().is_some_and(|text| text.contains(&ours)), "{path}: {mail:#}");
        assert!(!mail.to_string().contains("evil.test"), "{path}: {mail:#}");
    }
    invariants::check(&stack).await;
}
