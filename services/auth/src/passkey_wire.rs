//! Passkeys in JSON, as browsers take them (`parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON`) and give them
//! (`toJSON`): Web Authentication level 3, section 5.1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::passkeys::Descriptor;
use crate::domain::passkey::{CHALLENGE_LIFETIME, Transports};
use crate::domain::webauthn::{
    ALGORITHMS, AssertionResponse, AttestationResponse, Base64Url, Challenge, ClientData, Disbelief,
    RelyingParty,
};

/// For `navigator.credentials.create()`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptionsAnswer {
    public_key: CreationOptions,
}

/// For `PublicKeyCredential.parseCreationOptionsFromJSON()`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreationOptions {
    rp: RelyingPartyView,
    user: UserView,
    /// 32 random bytes.
    #[schema(example = "3vFq0v0dZ2n1uZb0cV5hXg7m3rQy5xTtq1s0lJ8w4kA")]
    challenge: String,
    pub_key_cred_params: Vec<CredentialParameter>,
    /// Milliseconds.
    #[schema(example = 300_000)]
    timeout: i64,
    /// Passkeys that the account has already.
    exclude_credentials: Vec<CredentialDescriptor>,
    authenticator_selection: AuthenticatorSelection,
    #[schema(example = "none")]
    attestation: &'static str,
    extensions: CreationExtensions,
}

#[derive(Serialize, ToSchema)]
struct RelyingPartyView {
    #[schema(example = "example.org")]
    id: String,
    #[schema(example = "Shinkofa")]
    name: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserView {
    /// Random, and the same for every passkey of the account.
    #[schema(example = "jK2n0tqA1r9c8mXw3bV5yL7dZ6eR4fH0gQsUuPpOoNk")]
    id: String,
    #[schema(example = "anna@example.org")]
    name: String,
    #[schema(example = "Anna Martin")]
    display_name: String,
}

#[derive(Serialize, ToSchema)]
struct CredentialParameter {
    #[serde(rename = "type")]
    kind: CredentialKind,
    /// As COSE names it.
    #[schema(example = -7)]
    alg: i64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
enum CredentialKind {
    #[serde(rename = "public-key")]
    PublicKey,
}

#[derive(Serialize, ToSchema)]
pub struct CredentialDescriptor {
    #[serde(rename = "type")]
    kind: CredentialKind,
    #[schema(example = "uZcVDBVS68E_MtAgeQpElA")]
    id: String,
    #[schema(example = json!(["internal"]))]
    transports: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuthenticatorSelection {
    #[schema(example = "preferred")]
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: UserVerification,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreationExtensions {
    cred_props: bool,
}

/// Whether the authenticator has to recognise its user.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserVerification {
    Required,
    Preferred,
    Discouraged,
}

/// Who a passkey is being made for.
pub struct PasskeyOwner<'a> {
    pub handle: &'a [u8],
    pub email: &'a str,
    pub name: &'a str,
}

const NAME: &str = "Shinkofa";

impl CreationOptionsAnswer {
    pub fn new(
        party: &RelyingParty,
        challenge: &Challenge,
        owner: &PasskeyOwner<'_>,
        known: Vec<Descriptor>,
    ) -> Self {
        let parameter = |alg| CredentialParameter { kind: CredentialKind::PublicKey, alg };
        Self {
            public_key: CreationOptions {
                rp: RelyingPartyView { id: party.id().to_owned(), name: NAME },
                user: UserView {
                    id: URL_SAFE_NO_PAD.encode(owner.handle),
                    name: owner.email.to_owned(),
                    display_name: owner.name.to_owned(),
                },
                challenge: challenge.encoded(),
                pub_key_cred_params: ALGORITHMS.map(parameter).into(),
                timeout: CHALLENGE_LIFETIME.num_milliseconds(),
                exclude_credentials: known.into_iter().map(Into::into).collect(),
                authenticator_selection: AuthenticatorSelection {
                    // A security key without room for one is still a second factor.
                    resident_key: "preferred",
                    require_resident_key: false,
                    user_verification: UserVerification::Preferred,
                },
                attestation: "none",
                extensions: CreationExtensions { cred_props: true },
            },
        }
    }
}

impl From<Descriptor> for CredentialDescriptor {
    fn from(descriptor: Descriptor) -> Self {
        Self {
            kind: CredentialKind::PublicKey,
            id: URL_SAFE_NO_PAD.encode(descriptor.credential_id),
            transports: descriptor.transports.split_whitespace().map(ToOwned::to_owned).collect(),
        }
    }
}

/// For `navigator.credentials.get()`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptionsAnswer {
    public_key: RequestOptions,
}

/// For `PublicKeyCredential.parseRequestOptionsFromJSON()`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RequestOptions {
    /// 32 random bytes.
    #[schema(example = "3vFq0v0dZ2n1uZb0cV5hXg7m3rQy5xTtq1s0lJ8w4kA")]
    challenge: String,
    /// Milliseconds.
    #[schema(example = 300_000)]
    timeout: i64,
    #[schema(example = "example.org")]
    rp_id: String,
    /// Empty where whoever signs in has not said who they are: the authenticator knows.
    allow_credentials: Vec<CredentialDescriptor>,
    user_verification: UserVerification,
}

impl RequestOptionsAnswer {
    pub fn new(
        party: &RelyingParty,
        challenge: &Challenge,
        allowed: Vec<Descriptor>,
        user_verification: UserVerification,
    ) -> Self {
        Self {
            public_key: RequestOptions {
                challenge: challenge.encoded(),
                timeout: CHALLENGE_LIFETIME.num_milliseconds(),
                rp_id: party.id().to_owned(),
                allow_credentials: allowed.into_iter().map(Into::into).collect(),
                user_verification,
            },
        }
    }
}

const ID: usize = 1023;
const CLIENT_DATA: usize = 4096;
const AUTHENTICATOR_DATA: usize = 4096;
const ATTESTATION_OBJECT: usize = 65_536;
const SIGNATURE: usize = 1024;
const USER_HANDLE: usize = 64;

/// A new passkey, as `toJSON()` of the browser's credential says it. Members that are not listed here are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationCredential {
    #[schema(value_type = String, min_length = 2, max_length = 1364, pattern = "^[A-Za-z0-9_-]+$", example = "uZcVDBVS68E_MtAgeQpElA")]
    id: Base64Url<ID>,
    #[serde(rename = "type")]
    _kind: CredentialKind,
    response: AttestationMembers,
    #[serde(default)]
    client_extension_results: ExtensionResults,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AttestationMembers {
    #[serde(rename = "clientDataJSON")]
    #[schema(value_type = String, min_length = 2, max_length = 5462, pattern = "^[A-Za-z0-9_-]+$", example = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0")]
    client_data: Base64Url<CLIENT_DATA>,
    #[schema(value_type = String, min_length = 2, max_length = 87382, pattern = "^[A-Za-z0-9_-]+$", example = "o2NmbXRkbm9uZQ")]
    attestation_object: Base64Url<ATTESTATION_OBJECT>,
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 8, example = json!(["internal"]))]
    transports: Transports,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExtensionResults {
    cred_props: Option<CredentialProperties>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct CredentialProperties {
    /// Whether the passkey can be used without an address being typed first.
    rk: Option<bool>,
}

impl RegistrationCredential {
    pub fn challenge(&self) -> Result<Challenge, Disbelief> {
        ClientData::read(self.response.client_data.as_bytes())?.challenge()
    }

    pub fn response(&self) -> AttestationResponse<'_> {
        AttestationResponse {
            credential_id: self.id.as_bytes(),
            client_data: self.response.client_data.as_bytes(),
            attestation_object: self.response.attestation_object.as_bytes(),
        }
    }

    pub fn transports(&self) -> String {
        self.response.transports.clone().into_text()
    }

    pub fn is_discoverable(&self) -> Option<bool> {
        self.client_extension_results.cred_props.as_ref().and_then(|properties| properties.rk)
    }
}

/// A passkey that is shown, as `toJSON()` of the browser's credential says it. Members that are not listed here are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticationCredential {
    #[schema(value_type = String, min_length = 2, max_length = 1364, pattern = "^[A-Za-z0-9_-]+$", example = "uZcVDBVS68E_MtAgeQpElA")]
    id: Base64Url<ID>,
    #[serde(rename = "type")]
    _kind: CredentialKind,
    response: AssertionMembers,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AssertionMembers {
    #[serde(rename = "clientDataJSON")]
    #[schema(value_type = String, min_length = 2, max_length = 5462, pattern = "^[A-Za-z0-9_-]+$", example = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0")]
    client_data: Base64Url<CLIENT_DATA>,
    #[schema(value_type = String, min_length = 2, max_length = 5462, pattern = "^[A-Za-z0-9_-]+$", example = "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ")]
    authenticator_data: Base64Url<AUTHENTICATOR_DATA>,
    #[schema(value_type = String, min_length = 2, max_length = 1366, pattern = "^[A-Za-z0-9_-]+$", example = "MEUCIQDVxWnT")]
    signature: Base64Url<SIGNATURE>,
    /// Who the authenticator says it is. Required where nobody was named before.
    #[schema(value_type = Option<String>, min_length = 2, max_length = 86, pattern = "^[A-Za-z0-9_-]+$", example = "AZIAAAAAcACAAAAAAAAAqg")]
    user_handle: Option<Base64Url<USER_HANDLE>>,
}

impl AuthenticationCredential {
    pub fn id(&self) -> &[u8] {
        self.id.as_bytes()
    }

    pub fn user_handle(&self) -> Option<&[u8]> {
        self.response.user_handle.as_ref().map(Base64Url::as_bytes)
    }

    pub fn challenge(&self) -> Result<Challenge, Disbelief> {
        ClientData::read(self.response.client_data.as_bytes())?.challenge()
    }

    pub fn response(&self) -> AssertionResponse<'_> {
        AssertionResponse {
            client_data: self.response.client_data.as_bytes(),
            authenticator_data: self.response.authenticator_data.as_bytes(),
            signature: self.response.signature.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What a browser gives of a new passkey and of one that is shown, in one object: members that are not known are ignored.
    fn credential(bytes: &[u8]) -> Value {
        let text = URL_SAFE_NO_PAD.encode(bytes);
        json!({ "id": text, "type": "public-key", "response": {
            "clientDataJSON": text, "attestationObject": text, "authenticatorData": text, "signature": text,
            "userHandle": text,
        } })
    }

    fn made(json: Value) -> Option<RegistrationCredential> {
        serde_json::from_value(json).ok()
    }

    fn shown(json: Value) -> Option<AuthenticationCredential> {
        serde_json::from_value(json).ok()
    }

    #[test]
    fn every_member_has_its_bound() {
        for (member, most) in [
            ("/id", ID),
            ("/response/clientDataJSON", CLIENT_DATA),
            ("/response/attestationObject", ATTESTATION_OBJECT),
            ("/response/authenticatorData", AUTHENTICATOR_DATA),
            ("/response/signature", SIGNATURE),
            ("/response/userHandle", USER_HANDLE),
        ] {
            let is_taken = |length: usize| {
                let mut json = credential(&[1]);
                *json.pointer_mut(member).unwrap() = URL_SAFE_NO_PAD.encode(vec![7_u8; length]).into();
                made(json.clone()).is_some() && shown(json).is_some()
            };
            assert!(is_taken(1) && is_taken(most), "{member}");
            assert!(!is_taken(0) && !is_taken(most + 1), "{member}");
        }
    }

    /// Members that are known, with any JSON as what they say.
    fn any_json() -> impl Strategy<Value = Value> {
        let names =
            ["id", "type", "response", "clientDataJSON", "attestationObject", "signature", "transports"];
        let single = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            Just(json!("public-key")),
            "[A-Za-z0-9_-]{0,8}|.{0,8}".prop_map(Value::from),
        ];
        single.prop_recursive(3, 24, 6, move |inner| {
            let member = (prop::sample::select(names.to_vec()).prop_map(str::to_owned), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::from),
                prop::collection::vec(member, 0..7)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn bytes_are_handed_on_as_they_came(bytes in prop::collection::vec(any::<u8>(), 1..64)) {
            let (made, shown) = (made(credential(&bytes)).unwrap(), shown(credential(&bytes)).unwrap());
            let AttestationResponse { credential_id, client_data, attestation_object } = made.response();
            prop_assert_eq!([credential_id, client_data, attestation_object], [&bytes[..]; 3]);
            let AssertionResponse { client_data, authenticator_data, signature } = shown.response();
            prop_assert_eq!([shown.id(), client_data, authenticator_data, signature], [&bytes[..]; 4]);
            prop_assert_eq!(shown.user_handle(), Some(&bytes[..]));
            prop_assert!(made.challenge().is_err() && shown.challenge().is_err());
        }

        #[test]
        fn whatever_is_sent_is_no_fault(json in any_json()) {
            if let Some(made) = made(json.clone()) {
                prop_assert!(made.challenge().is_err());
                prop_assert!(made.transports().len() <= 8 * 33);
            }
            if let Some(shown) = shown(json) {
                prop_assert!(shown.challenge().is_err());
            }
        }
    }
}
