//! An authenticator in software, with the browser around it, as tests need it: honest unless a test makes it lie.

use auth::Auth;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::{Answer, TestApp};

pub const PRESENT: u8 = 0x01;
pub const VERIFIED: u8 = 0x04;
pub const BACKUP_ELIGIBLE: u8 = 0x08;
pub const BACKED_UP: u8 = 0x10;
const CREDENTIAL: u8 = 0x40;

/// One passkey and what holds it.
pub struct Authenticator {
    pub pair: EcdsaKeyPair,
    pub id: Vec<u8>,
    /// What it was told when the passkey was made.
    pub user_handle: Option<Vec<u8>>,
    /// Goes on by `step` before every answer.
    pub counter: u32,
    pub step: u32,
    pub flags: u8,
    pub origin: String,
    /// In the place of the relying party that it is asked for.
    pub relying_party: Option<String>,
    pub cross_origin: bool,
    /// What the client data say that they are for, where that is not the truth.
    pub ceremony: Option<&'static str>,
}

impl Authenticator {
    pub fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let id = digest(&SHA256, pair.public_key().as_ref()).as_ref().to_vec();
        Self {
            pair,
            id,
            user_handle: None,
            counter: 0,
            step: 1,
            flags: PRESENT | VERIFIED,
            origin: "https://app.shinkofa.localhost:8443".to_owned(),
            relying_party: None,
            cross_origin: false,
            ceremony: None,
        }
    }

    /// One that somebody touches, and that does not recognise them.
    pub fn touched() -> Self {
        Self { flags: PRESENT, ..Self::new() }
    }

    pub fn name(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.id)
    }

    /// Makes a passkey: what `toJSON()` gives.
    pub fn create(&mut self, answer: &Answer) -> Value {
        let options = &answer.body["publicKey"];
        self.user_handle = Some(decode(&options["user"]["id"]));
        let client_data = self.client_data("webauthn.create", options);
        let data = self.data(&options["rp"]["id"], true);
        let object = vec![
            (Cbor::from("fmt"), Cbor::from("none")),
            (Cbor::from("attStmt"), Cbor::Map(Vec::new())),
            (Cbor::from("authData"), Cbor::Bytes(data.clone())),
        ];
        json!({
            "id": self.name(), "rawId": self.name(), "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
            "response": {
                "clientDataJSON": encode(&client_data), "attestationObject": encode(&cbor(object)),
                "authenticatorData": encode(&data), "publicKeyAlgorithm": -7, "transports": ["internal", "hybrid"],
            },
        })
    }

    /// Shows the passkey: what `toJSON()` gives.
    pub fn get(&mut self, answer: &Answer) -> Value {
        let options = &answer.body["publicKey"];
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(&options["rpId"], false);
        let signed = [&data[..], digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        json!({
            "id": self.name(), "rawId": self.name(), "type": "public-key", "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&client_data), "authenticatorData": encode(&data),
                "signature": encode(signature.as_ref()),
                "userHandle": self.user_handle.as_ref().map(|handle| encode(handle)),
            },
        })
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        json!({
            "type": self.ceremony.unwrap_or(ceremony), "challenge": options["challenge"],
            "origin": self.origin, "crossOrigin": self.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    fn data(&mut self, asked_by: &Value, is_new: bool) -> Vec<u8> {
        self.counter += self.step;
        let party = self.relying_party.as_deref().or(asked_by.as_str()).expect("a relying party");
        let flags = if is_new { self.flags | CREDENTIAL } else { self.flags };
        let mut data = digest(&SHA256, party.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        if is_new {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).expect("a short id").to_be_bytes());
            data.extend(&self.id);
            data.extend(self.public_key());
        }
        data
    }

    fn public_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        cbor(vec![
            (Cbor::from(1), Cbor::from(2)),
            (Cbor::from(3), Cbor::from(-7)),
            (Cbor::from(-1), Cbor::from(1)),
            (Cbor::from(-2), Cbor::Bytes(point[1..33].to_vec())),
            (Cbor::from(-3), Cbor::Bytes(point[33..].to_vec())),
        ])
    }
}

fn cbor(members: Vec<(Cbor, Cbor)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(&Cbor::Map(members), &mut bytes).expect("CBOR");
    bytes
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}

/// Changes one byte of a member of the response.
pub fn spoil(credential: &mut Value, member: &str, at: usize) {
    let mut bytes = decode(&credential["response"][member]);
    bytes[at] ^= 1;
    credential["response"][member] = json!(encode(&bytes));
}

pub async fn creation_options(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/passkeys/register/options").token(token).send().await
}

pub async fn verify_creation(app: &TestApp<Auth>, token: &str, credential: &Value) -> Answer {
    let body = json!({ "name": "Anna's phone", "credential": credential });
    app.post("/api/auth/passkeys/register/verify").token(token).json(&body).send().await
}

pub async fn register(app: &TestApp<Auth>, token: &str, with: &mut Authenticator) -> Answer {
    let options = creation_options(app, token).await.expect(200);
    verify_creation(app, token, &with.create(&options)).await
}

pub async fn sign_in_options(app: &TestApp<Auth>) -> Answer {
    app.post("/api/auth/passkeys/login/options").send().await.expect(200)
}

pub async fn verify_sign_in(app: &TestApp<Auth>, credential: &Value) -> Answer {
    app.post("/api/auth/passkeys/login/verify").json(&json!({ "credential": credential })).send().await
}

pub async fn sign_in(app: &TestApp<Auth>, with: &mut Authenticator) -> Answer {
    let options = sign_in_options(app).await;
    verify_sign_in(app, &with.get(&options)).await
}

pub async fn step_options(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/signin/mfa/passkey/options").json(&json!({ "mfaToken": token })).send().await
}

pub async fn verify_step(app: &TestApp<Auth>, token: &str, credential: &Value) -> Answer {
    let body = json!({ "mfaToken": token, "credential": credential });
    app.post("/api/auth/signin/mfa/passkey/verify").json(&body).send().await
}

pub async fn second_step(app: &TestApp<Auth>, token: &str, with: &mut Authenticator) -> Answer {
    let options = step_options(app, token).await.expect(200);
    verify_step(app, token, &with.get(&options)).await
}

pub async fn step_up_options(app: &TestApp<Auth>, token: &str) -> Answer {
    app.post("/api/auth/reauthenticate/passkey/options").token(token).send().await
}

pub async fn verify_step_up(app: &TestApp<Auth>, token: &str, credential: &Value) -> Answer {
    let body = json!({ "credential": credential });
    app.post("/api/auth/reauthenticate/passkey/verify").token(token).json(&body).send().await
}

pub async fn step_up(app: &TestApp<Auth>, token: &str, with: &mut Authenticator) -> Answer {
    let options = step_up_options(app, token).await.expect(200);
    verify_step_up(app, token, &with.get(&options)).await
}

pub async fn passkeys(app: &TestApp<Auth>, token: &str) -> Vec<Value> {
    let body = app.get("/api/auth/passkeys").token(token).send().await.expect(200).body;
    body["items"].as_array().expect("items").clone()
}

pub async fn remove(app: &TestApp<Auth>, token: &str, passkey: &str) -> Answer {
    app.call(Method::DELETE, &format!("/api/auth/passkeys/{passkey}")).token(token).send().await
}
