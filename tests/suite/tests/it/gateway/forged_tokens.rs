//! Tokens that are not what auth signed, shown to every service through the gateway.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use shinkofa_identity::{Keyring, ServiceTokens};
use suite::{Stack, invariants};

use super::problem::problem;
use super::wire::{Wire, request};

/// A protected route of each service.
const ROUTES: [&str; 4] = ["/api/user/profile", "/api/credits/wallet", "/api/booking", "/api/notifications"];

/// Signs what auth would never sign, with auth's own key.
struct Forger {
    kid: String,
    key: Vec<u8>,
    header: Value,
    claims: Value,
}

impl Forger {
    /// Takes a good token apart.
    fn of(stack: &Stack, token: &str) -> Self {
        let keyring = stack.secret("jwt-keyring");
        let (kid, key) = keyring.lines().next().and_then(|line| line.split_once(':')).expect("a keyring");
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).expect("base64url"));
        let mut json = || serde_json::from_slice(&parts.next().expect("a part")).expect("JSON");
        let (header, claims) = (json(), json());
        Self { kid: kid.to_owned(), key: STANDARD.decode(key.trim()).expect("base64"), header, claims }
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key");
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn with_header(&self, change: &Value) -> String {
        self.sign(&merged(&self.header, change).to_string(), &self.claims.to_string())
    }

    fn with_claims(&self, change: &Value) -> String {
        self.sign(&self.header.to_string(), &merged(&self.claims, change).to_string())
    }

    /// With a claim that stands twice, which a parser may read either way.
    fn with_claim_twice(&self, name: &str, second: &Value) -> String {
        let text = self.claims.to_string();
        let text = format!("{},\"{name}\":{second}}}", text.trim_end_matches('}'));
        self.sign(&self.header.to_string(), &text)
    }

    fn unsigned(&self, alg: &str) -> String {
        let header = merged(&self.header, &json!({ "alg": alg })).to_string();
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(self.claims.to_string()))
    }
}

/// A null removes a member.
fn merged(base: &Value, change: &Value) -> Value {
    let mut merged = base.clone();
    for (name, value) in change.as_object().expect("an object") {
        let members = merged.as_object_mut().expect("an object");
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    merged
}

fn forged_headers(forger: &Forger) -> Vec<(String, String)> {
    let mut forged = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256"] {
        forged.push((format!("alg {alg:?} and no signature"), forger.unsigned(alg)));
    }
    for alg in ["none", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256"] {
        forged
            .push((format!("alg {alg} over an HS256 signature"), forger.with_header(&json!({ "alg": alg }))));
    }
    for kid in [
        "",
        "../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'key",
        "unknown",
        "0",
        "\u{0}",
        "kid\nkid",
    ] {
        forged.push((format!("kid {kid:?}"), forger.with_header(&json!({ "kid": kid }))));
    }
    for kid in [json!(1), json!(["a"]), json!({ "a": 1 }), json!(true)] {
        forged.push((format!("kid {kid}"), forger.with_header(&json!({ "kid": kid }))));
    }
    for typ in [json!("JWT"), json!("svc+jwt"), json!("rt+jwt"), json!("at+jwt2"), json!(""), Value::Null] {
        forged.push((format!("typ {typ}"), forger.with_header(&json!({ "typ": typ }))));
    }
    forged
}

/// Keys that the token brings along: one who follows them lets the forger choose.
fn brought_keys(forger: &Forger) -> Vec<(String, String)> {
    let own = b"a key that the forger knows, 32 bytes";
    let jwk = json!({ "kty": "oct", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(own) });
    let stranger = Forger {
        key: own.to_vec(),
        kid: "mine".to_owned(),
        header: forger.header.clone(),
        claims: forger.claims.clone(),
    };
    [
        json!({ "jwk": jwk }),
        json!({ "jku": "http://127.0.0.1:1/keys" }),
        json!({ "x5u": "http://127.0.0.1:1/certificate" }),
        json!({ "jwk": jwk, "kid": null }),
        json!({ "jku": "https://evil.test/jwks.json", "kid": "mine" }),
        json!({ "x5c": ["AAAA"], "kid": null }),
        json!({ "kid": forger.kid }),
        json!({ "crit": ["exp"], "kid": null }),
    ]
    .into_iter()
    .map(|header| (format!("signed by a stranger with {header}"), stranger.with_header(&header)))
    .collect()
}

fn forged_claims(forger: &Forger, now: i64) -> Vec<(String, String)> {
    let mut forged = Vec::new();
    let odd = [
        json!("99999999999"),
        json!(9_999_999_999.5_f64),
        json!(1e30),
        json!(-1),
        json!(true),
        json!([9_999_999_999_i64]),
        json!({}),
        json!(""),
    ];
    for claim in ["exp", "iat", "nbf"] {
        for value in &odd {
            forged.push((format!("{claim} {value}"), forger.with_claims(&json!({ claim: value }))));
        }
        let null = forger.claims.to_string().replacen(
            &format!("\"{claim}\":{}", forger.claims[claim]),
            &format!("\"{claim}\":null"),
            1,
        );
        forged.push((format!("{claim} null"), forger.sign(&forger.header.to_string(), &null)));
        forged.push((format!("no {claim}"), forger.with_claims(&json!({ claim: null }))));
        forged.push((format!("{claim} twice"), forger.with_claim_twice(claim, &json!(now + 9999))));
    }
    for (what, change) in [
        ("expired", json!({ "exp": now - 1 })),
        ("not yet valid", json!({ "nbf": now + 3600 })),
        ("issued tomorrow", json!({ "iat": now + 86_400 })),
        ("good for a second more than an hour", json!({ "iat": now, "exp": now + 3601 })),
        ("good for a year", json!({ "exp": now + 31_536_000 })),
        ("of another issuer", json!({ "iss": "https://evil.test" })),
        ("of no issuer", json!({ "iss": null })),
        ("of several issuers", json!({ "iss": [forger.claims["iss"], "https://evil.test"] })),
        ("for another audience", json!({ "aud": ["elsewhere"] })),
        ("for no audience", json!({ "aud": null })),
        ("for an empty audience", json!({ "aud": [] })),
        ("about nobody", json!({ "sub": null })),
        ("about two people", json!({ "userId": "01920000-0000-7000-8000-0000000000aa" })),
        ("about somebody who is no id", json!({ "sub": "admin", "userId": "admin", "user_id": "admin" })),
        ("of no session", json!({ "sid": null })),
        ("of no version", json!({ "tv": null })),
        ("of an unknown role", json!({ "roles": ["root"] })),
        ("of roles that are no list", json!({ "roles": "admin" })),
        ("of no tenant", json!({ "tenant_id": null })),
    ] {
        forged.push((what.to_owned(), forger.with_claims(&change)));
    }
    for claim in ["sub", "roles", "tenant_id", "aud", "iss"] {
        forged.push((format!("{claim} twice"), forger.with_claim_twice(claim, &forger.claims[claim])));
    }
    forged
}

fn forged_bytes(forger: &Forger, good: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = good.split('.').collect();
    let signed = format!("{}.{}", parts[0], parts[1]);
    let mut wide = Hmac::<Sha512>::new_from_slice(&forger.key).expect("a key");
    wide.update(signed.as_bytes());
    let wide = URL_SAFE_NO_PAD.encode(wide.finalize().into_bytes());
    let admin = merged(&forger.claims, &json!({ "roles": ["admin"] })).to_string();
    [
        ("an empty signature", format!("{signed}.")),
        ("no signature", signed.clone()),
        ("an HS512 signature", format!("{signed}.{wide}")),
        ("half a signature", format!("{signed}.{}", &parts[2][..20])),
        (
            "a changed role under the old signature",
            format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(admin), parts[2]),
        ),
        ("a padded signature", format!("{good}=")),
        ("a fourth part", format!("{good}.{}", parts[2])),
        ("five parts, as if it were encrypted", format!("{good}.a.b")),
        ("no parts", "token".to_owned()),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("a header that is not JSON", format!("{}.{}.{}", URL_SAFE_NO_PAD.encode("x"), parts[1], parts[2])),
        ("claims that are a list", forger.sign(&forger.header.to_string(), "[]")),
        ("deeply nested claims", forger.sign(&forger.header.to_string(), &"[".repeat(2000))),
    ]
    .map(|(what, token)| (what.to_owned(), token))
    .into()
}

#[tokio::test]
async fn no_forged_token_is_anybodys_at_any_service() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let host = format!("app.{}", stack.domain);
    let person = stack.sign_up("en").await;
    let forger = Forger::of(&stack, &person.member.token);
    let ask = |route: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        wire.ask(&host, &request("GET", route, &host, &[("Authorization", &authorization)], b""))
    };
    let same = forger.sign(&forger.header.to_string(), &forger.claims.to_string());
    for token in [&person.member.token, &same] {
        for route in ROUTES {
            assert_eq!(ask(route, token).status, 200, "{route}: the forger signs as auth does");
        }
    }

    let mut forged = forged_headers(&forger);
    forged.extend(brought_keys(&forger));
    forged.extend(forged_claims(&forger, stack.clock.now().timestamp()));
    forged.extend(forged_bytes(&forger, &person.member.token));
    forged.extend(other_tokens(&stack, &person.refresh_token));
    for (what, token) in &forged {
        for route in ROUTES {
            let reply = ask(route, token);
            assert_eq!(reply.status, 401, "{what} at {route}: {reply:?}");
            assert_eq!(problem(what, &reply)["code"], "unauthenticated", "{what}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{what}");
        }
    }
    invariants::check(&stack).await;
}

/// Tokens that are good for something else.
fn other_tokens(stack: &Stack, refresh_token: &str) -> Vec<(String, String)> {
    let keyring = Keyring::parse(&stack.secret("jwt-service-keyring")).expect("the stack's keyring");
    let services = ServiceTokens::new(keyring, "booking", stack.clock.clone());
    let mut others = vec![("a refresh token".to_owned(), refresh_token.to_owned())];
    for audience in ["auth", "credits", "booking", "notify", "platform"] {
        let token = services.sign(audience, "feed", None, None).expect("signed");
        others.push((format!("a service's token for {audience}"), token));
    }
    others
}

#[tokio::test]
async fn a_token_of_another_tenant_than_the_hosts_is_refused_as_such() {
    let stack = Stack::attach().await;
    let wire = Wire::to(&stack);
    let host = format!("app.{}", stack.domain);
    let person = stack.sign_up("en").await;
    let forger = Forger::of(&stack, &person.member.token);
    let elsewhere = forger.with_claims(&json!({ "tenant_id": "01920000-0000-7000-8000-0000000000ff" }));
    let authorization = format!("Bearer {elsewhere}");
    for route in ROUTES {
        let reply = wire.ask(&host, &request("GET", route, &host, &[("Authorization", &authorization)], b""));
        assert_eq!(
            (reply.status, &problem(route, &reply)["code"]),
            (403, &json!("wrong_tenant")),
            "{route}: {reply:?}"
        );
    }
    invariants::check(&stack).await;
}

#[tokio::test]
async fn auth_believes_no_token_whose_session_it_does_not_know() {
    let stack = Stack::attach().await;
    let person = stack.sign_up("en").await;
    let forger = Forger::of(&stack, &person.member.token);
    let unknown = stack.clock.new_uuid().to_string();
    for (what, change) in [
        ("a session that never was", json!({ "sid": unknown })),
        ("a later version of the account", json!({ "tv": 2_000_000 })),
        ("a person who never was", json!({ "sub": unknown, "userId": unknown, "user_id": unknown })),
    ] {
        let answer = stack.get("/api/user/profile").bearer(forger.with_claims(&change)).send().await;
        assert!(matches!(answer.status, 401 | 404), "{what}: {answer:?}");
    }
    invariants::check(&stack).await;
}
