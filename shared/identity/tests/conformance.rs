//! The conformance kit: what every verifier of access tokens must take, and what every one must refuse.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shinkofa_identity::{Keyring, UserTokens};
use shinkofa_kernel::Clock;

#[derive(Deserialize)]
struct Conditions {
    issuer: String,
    now: i64,
}

#[derive(Deserialize)]
struct Case {
    case: String,
    token: String,
}

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&std::fs::read(kit().join(name)).unwrap()).unwrap()
}

fn verifier() -> UserTokens {
    let conditions: Conditions = read("conditions.json");
    let keyring = Keyring::parse(&std::fs::read_to_string(kit().join("keyring")).unwrap()).unwrap();
    let now: DateTime<Utc> = DateTime::from_timestamp(conditions.now, 0).unwrap();
    UserTokens::new(keyring, conditions.issuer, Clock::manual(now))
}

#[test]
fn every_valid_token_is_taken() {
    let (verifier, cases) = (verifier(), read::<Vec<Case>>("valid.json"));
    let refused: Vec<String> = cases
        .iter()
        .filter_map(|Case { case, token }| {
            verifier.verify(token).err().map(|error| format!("{case}: {error}"))
        })
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(cases.len() >= 20);
}

#[test]
fn v09_v10_every_hostile_token_is_refused() {
    let (verifier, cases) = (verifier(), read::<Vec<Case>>("hostile.json"));
    let taken: Vec<&str> = cases
        .iter()
        .filter(|Case { token, .. }| verifier.verify(token).is_ok())
        .map(|Case { case, .. }| case.as_str())
        .collect();
    assert!(taken.is_empty(), "{taken:#?}");
    assert!(cases.len() >= 300);
}

#[test]
fn no_changed_missing_or_further_character_of_a_valid_token_is_taken() {
    let (verifier, cases) = (verifier(), read::<Vec<Case>>("valid.json"));
    proptest!(|(case in any::<Index>(), place in any::<Index>(), other in "[A-Za-z0-9_.=-]|.")| {
        let Case { case, token } = case.get(&cases);
        let place = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(place..=place, &other);
        let longer = token.clone() + &other;
        for shown in [changed, token[..place].to_owned(), longer] {
            prop_assert_eq!(verifier.verify(&shown).is_ok(), shown == *token, "{}", case);
        }
    });
}

proptest! {
    #[test]
    fn whatever_is_shown_as_a_token_is_no_fault(
        text in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,43}){0,3}|.{0,60}",
        header in "\\{\"alg\":\"HS256\",\"typ\":\"at\\+jwt\"(,\"[a-z0-9#S]{3,8}\":(\".{0,8}\"|\\[\\]|null|-?[0-9]{1,20}))?\\}",
    ) {
        let verifier = verifier();
        prop_assert!(verifier.verify(&text).is_err());
        let unsigned = format!("{}.e30.{text}", URL_SAFE_NO_PAD.encode(header));
        prop_assert!(verifier.verify(&unsigned).is_err());
    }
}

#[test]
fn a_header_or_claims_as_deep_as_they_like_are_refused() {
    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    let part = |json: String| URL_SAFE_NO_PAD.encode(json);
    let header = part(r#"{"alg":"HS256","typ":"at+jwt"}"#.to_owned());
    for (header, claims) in [
        (part(format!(r#"{{"alg":"HS256","typ":"at+jwt","more":{deep}}}"#)), part("{}".to_owned())),
        (part(format!(r#"{{"alg":"HS256","typ":"at+jwt","jwk":{deep}}}"#)), part("{}".to_owned())),
        (part(deep.clone()), part("{}".to_owned())),
        (header, part(deep)),
    ] {
        assert!(verifier().verify(&format!("{header}.{claims}.AAAA")).is_err());
    }
}
