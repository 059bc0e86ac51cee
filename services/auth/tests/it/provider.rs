//! Stands in for Google, GitHub and Discord behind the same code, and lies when a test asks it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::{Data, Form, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use auth::Auth;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use shinkofa_kernel::Clock;
use shinkofa_testing::{TestApp, TestAppBuilder};

pub const CLIENT_ID: &str = "the-client";
const CLIENT_SECRET: &str = "the client's secret";

/// Whom the stand-in vouches for. Members that are null are left out.
#[derive(Clone)]
pub struct Person {
    /// A number: GitHub has no other.
    pub subject: u64,
    pub email: Option<String>,
    pub verified: Value,
}

impl Person {
    pub fn new(subject: u64, email: &str) -> Self {
        Self { subject, email: Some(email.to_owned()), verified: json!(true) }
    }
}

/// What the stand-in does wrong.
#[derive(Clone, Default)]
pub struct Lies {
    /// Members of the ID token; null leaves one out.
    pub claims: Vec<(&'static str, Value)>,
    /// Members of its header.
    pub header: Vec<(&'static str, Value)>,
    /// Signs with a key that it does not publish.
    pub strange_key: bool,
    /// Sends the ID token unsigned.
    pub unsigned: bool,
    /// What it says its issuer is.
    pub issuer: Option<String>,
    /// Answers every request with this.
    pub status: Option<u16>,
}

struct Asked {
    challenge: String,
    nonce: Option<String>,
    redirect_uri: String,
}

struct State {
    base: String,
    clock: Option<Clock>,
    person: Person,
    lies: Lies,
    key: Arc<TestKey>,
    strange: Arc<TestKey>,
    codes: HashMap<String, Asked>,
    last_code: u64,
    /// Which paths were asked for.
    seen: Vec<String>,
}

type Shared = Arc<Mutex<State>>;

/// One server for all three.
pub struct Providers {
    pub base: String,
    state: Shared,
}

/// An RSA key of the stand-in's.
struct TestKey {
    id: &'static str,
    key: EncodingKey,
}

/// PKCS #8 holds the PKCS #1 key behind a header that is as long for every key of this size.
const PKCS8_HEADER: usize = 26;

impl TestKey {
    fn new(id: &'static str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'static> = pair.as_der().expect("PKCS #8");
        Self { id, key: EncodingKey::from_rsa_der(&der.as_ref()[PKCS8_HEADER..]) }
    }

    fn public(&self) -> Value {
        let mut jwk =
            serde_json::to_value(Jwk::from_encoding_key(&self.key, Algorithm::RS256).expect("a JWK"))
                .expect("JSON");
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }
}

impl Providers {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            base: String::new(),
            clock: None,
            person: Person::new(1, "nobody@example.org"),
            lies: Lies::default(),
            key: Arc::new(TestKey::new("key-1")),
            strange: Arc::new(TestKey::new("key-1")),
            codes: HashMap::new(),
            last_code: 0,
            seen: Vec::new(),
        }));
        let shared = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(shared.clone()))
                .route("/google/.well-known/openid-configuration", web::get().to(discovery))
                .route("/google/keys", web::get().to(keys))
                .route("/google/authorize", web::get().to(authorize))
                .route("/google/token", web::post().to(token))
                .route("/github/login/oauth/authorize", web::get().to(authorize))
                .route("/github/login/oauth/access_token", web::post().to(token))
                .route("/github/api/user", web::get().to(github_user))
                .route("/github/api/user/emails", web::get().to(github_emails))
                .route("/discord/oauth2/authorize", web::get().to(authorize))
                .route("/discord/api/oauth2/token", web::post().to(token))
                .route("/discord/api/v10/users/@me", web::get().to(discord_user))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .expect("a port");
        let base = format!("http://{}", server.addrs()[0]);
        lock(&state).base.clone_from(&base);
        actix_web::rt::spawn(server.run());
        Self { base, state }
    }

    /// The configuration of a service that signs in through all three.
    pub fn configure(&self, builder: TestAppBuilder) -> TestAppBuilder {
        let base = &self.base;
        let mut builder = builder
            .env("OAUTH_GOOGLE_ISSUER", &format!("{base}/google"))
            .env("OAUTH_GITHUB_BASE_URL", &format!("{base}/github"))
            .env("OAUTH_GITHUB_API_URL", &format!("{base}/github/api"))
            .env("OAUTH_DISCORD_BASE_URL", &format!("{base}/discord"));
        for name in ["GOOGLE", "GITHUB", "DISCORD"] {
            builder = builder
                .env(&format!("OAUTH_{name}_CLIENT_ID"), CLIENT_ID)
                .env(&format!("OAUTH_{name}_CLIENT_SECRET"), CLIENT_SECRET);
        }
        builder
    }

    /// A service that signs in through this stand-in, and shares its clock with it.
    pub async fn app(&self) -> TestApp<Auth> {
        let app = self.configure(TestApp::<Auth>::builder()).start::<Auth>().await;
        self.state().clock = Some(app.clock.clone());
        app
    }

    pub fn vouch_for(&self, person: Person) {
        self.state().person = person;
    }

    pub fn lie(&self, lies: Lies) {
        self.state().lies = lies;
    }

    /// The paths that were asked for since the last look.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state().seen)
    }

    /// Publishes another key from now on and signs with it.
    pub fn rotate_key(&self) {
        self.state().key = Arc::new(TestKey::new("key-2"));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes the request, and answers it wrongly where a test wants that.
fn note<'a>(
    state: &'a Data<Shared>,
    request: &HttpRequest,
) -> Result<MutexGuard<'a, State>, Box<HttpResponse>> {
    let mut state = lock(state);
    state.seen.push(request.path().to_owned());
    match state.lies.status {
        Some(status) => Err(Box::new(
            HttpResponse::build(status.try_into().expect("a status"))
                .insert_header(("location", "https://evil.test/"))
                .json(json!({ "error": "server_error" })),
        )),
        None => Ok(state),
    }
}

async fn discovery(state: Data<Shared>, request: HttpRequest) -> HttpResponse {
    let state = match note(&state, &request) {
        Ok(state) => state,
        Err(answer) => return *answer,
    };
    let base = format!("{}/google", state.base);
    HttpResponse::Ok().json(json!({
        "issuer": state.lies.issuer.clone().unwrap_or_else(|| base.clone()),
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
    }))
}

async fn keys(state: Data<Shared>, request: HttpRequest) -> HttpResponse {
    match note(&state, &request) {
        // Keys of other kinds stand beside the one that is used, as they may.
        Ok(state) => HttpResponse::Ok().json(json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "kid": "other", "x": "AA", "y": "AA" },
            { "kty": "oct", "kid": "key-1", "k": "c2VjcmV0" },
            state.key.public(),
        ] })),
        Err(answer) => *answer,
    }
}

/// A person who says yes.
async fn authorize(
    state: Data<Shared>,
    request: HttpRequest,
    query: Query<HashMap<String, String>>,
) -> HttpResponse {
    let mut state = match note(&state, &request) {
        Ok(state) => state,
        Err(answer) => return *answer,
    };
    let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
    assert_eq!((asked("response_type").as_str(), asked("client_id").as_str()), ("code", CLIENT_ID));
    assert_eq!(asked("code_challenge_method"), "S256");
    assert!(!asked("state").is_empty() && !asked("scope").is_empty());
    state.last_code += 1;
    let code = format!("code-{}", state.last_code);
    let request = Asked {
        challenge: asked("code_challenge"),
        nonce: query.get("nonce").cloned(),
        redirect_uri: asked("redirect_uri"),
    };
    let location = format!("{}?code={code}&state={}&scope=all", request.redirect_uri, asked("state"));
    state.codes.insert(code, request);
    HttpResponse::Found().insert_header(("location", location)).finish()
}

async fn token(
    state: Data<Shared>,
    request: HttpRequest,
    form: Form<HashMap<String, String>>,
) -> HttpResponse {
    let mut state = match note(&state, &request) {
        Ok(state) => state,
        Err(answer) => return *answer,
    };
    let given = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let known = given("client_id") == CLIENT_ID && given("client_secret") == CLIENT_SECRET;
    let asked = state.codes.remove(given("code"));
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, given("code_verifier").as_bytes()));
    let Some(asked) =
        asked.filter(|asked| known && asked.redirect_uri == given("redirect_uri") && asked.challenge == hash)
    else {
        // GitHub's way of saying no.
        return HttpResponse::Ok().json(json!({ "error": "bad_verification_code" }));
    };
    let id_token = request.path().starts_with("/google").then(|| id_token(&state, asked.nonce.as_deref()));
    HttpResponse::Ok()
        .json(json!({ "access_token": "an access token", "token_type": "Bearer", "id_token": id_token }))
}

fn id_token(state: &State, nonce: Option<&str>) -> String {
    let now = state.clock.as_ref().expect("the service's clock").now().timestamp();
    let key = if state.lies.strange_key { &state.strange } else { &state.key };
    let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": key.id });
    let mut claims = json!({
        "iss": format!("{}/google", state.base), "sub": state.person.subject.to_string(), "aud": CLIENT_ID,
        "azp": CLIENT_ID, "nonce": nonce, "iat": now, "exp": now + 3600, "name": "Anna Martin",
        "email": state.person.email, "email_verified": state.person.verified,
    });
    for (object, lies) in [(&mut header, &state.lies.header), (&mut claims, &state.lies.claims)] {
        let object = object.as_object_mut().expect("an object");
        for (name, value) in lies {
            object.insert((*name).to_owned(), value.clone());
        }
        object.retain(|_, value| !value.is_null());
    }
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    if state.lies.unsigned {
        return format!("{message}.");
    }
    let signature = match header["alg"].as_str() {
        // The public key taken for a shared secret.
        Some("HS256") => {
            let secret = EncodingKey::from_secret(state.key.public()["n"].as_str().expect("n").as_bytes());
            jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256)
        }
        _ => jsonwebtoken::crypto::sign(message.as_bytes(), &key.key, Algorithm::RS256),
    };
    format!("{message}.{}", signature.expect("a signature"))
}

async fn github_user(state: Data<Shared>, request: HttpRequest) -> HttpResponse {
    match note(&state, &request) {
        Ok(state) => HttpResponse::Ok().json(json!({
            "id": state.person.subject, "login": "anna", "name": "Anna Martin",
            // The public profile's address is whatever its owner typed.
            "email": "typed@example.org",
        })),
        Err(answer) => *answer,
    }
}

async fn github_emails(state: Data<Shared>, request: HttpRequest) -> HttpResponse {
    match note(&state, &request) {
        Ok(state) => {
            let mut primary = json!({ "primary": true, "email": state.person.email });
            if !state.person.verified.is_null() {
                primary["verified"] = state.person.verified.clone();
            }
            let other = json!({ "primary": false, "verified": true, "email": "other@example.org" });
            let emails = if state.person.email.is_some() { vec![other, primary] } else { vec![other] };
            HttpResponse::Ok().json(emails)
        }
        Err(answer) => *answer,
    }
}

async fn discord_user(state: Data<Shared>, request: HttpRequest) -> HttpResponse {
    match note(&state, &request) {
        Ok(state) => {
            let mut user = json!({
                "id": state.person.subject.to_string(), "username": "anna", "global_name": "Anna Martin",
                "email": state.person.email,
            });
            if !state.person.verified.is_null() {
                user["verified"] = state.person.verified.clone();
            }
            HttpResponse::Ok().json(user)
        }
        Err(answer) => *answer,
    }
}
