//! The conformance kit: what every verifier of access tokens must take, and what every one must refuse.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
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
