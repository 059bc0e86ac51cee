//! Web Authentication (W3C, level 3): what an authenticator says, and whether to believe it. Sections named in this module
//! are those of the specification.
//!
//! It is our own because `webauthn-rs` brings the crate `rsa`, whose timing advisory (RUSTSEC-2023-0071) has no fixed
//! release. Attestation is not asked for and not looked at, which leaves signatures, and those are checked by aws-lc.

mod authenticator_data;
mod base64url;
mod cbor;
mod ceremonies;
mod client_data;
mod key;
#[cfg(test)]
mod vectors;

pub use base64url::Base64Url;
pub use ceremonies::{Asserted, AssertionResponse, AttestationResponse, Registered, StoredKey};
pub use client_data::{Challenge, ClientData, RelyingParty};
pub use key::{ALGORITHMS, CredentialKey};

/// Why an authenticator's answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    #[error("is no client data")]
    ClientData,
    #[error("was made for something else than this")]
    Ceremony,
    #[error("was made on another origin")]
    Origin,
    #[error("was made in a frame of another origin")]
    CrossOrigin,
    #[error("is no authenticator data")]
    AuthenticatorData,
    #[error("is no attestation object")]
    AttestationObject,
    #[error("is for another relying party")]
    RelyingParty,
    #[error("was made without anybody being there")]
    UserAbsent,
    #[error("says of its backup what cannot be")]
    Backup,
    #[error("has a key that is not supported")]
    Key,
    #[error("names another credential than it is about")]
    CredentialId,
    #[error("has a wrong signature")]
    Signature,
}

impl Disbelief {
    /// Whether it is the client data that says so, rather than what the authenticator wrote.
    pub fn is_of_client_data(self) -> bool {
        matches!(self, Self::ClientData | Self::Ceremony | Self::Origin | Self::CrossOrigin)
    }
}
