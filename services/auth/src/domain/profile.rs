//! What somebody tells about themselves, and how a change of it is said (RFC 7396).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use shinkofa_kernel::typed_id;

typed_id! {
    /// A picture that media keeps.
    AvatarId
}

/// A member of a merge patch: left alone, taken away, or set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

/// A member that is there is a change, also when it is null; one that is absent is the default.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T> Change<T> {
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(with(value)),
        }
    }

    /// What stands afterwards in the place of `before`.
    pub fn of(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// A few lines about oneself: at most 1000 characters, no control characters but line breaks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bio(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most 1000 characters and no control characters but line breaks")]
pub struct NotABio;

const LONGEST_BIO: usize = 1000;

impl TryFrom<String> for Bio {
    type Error = NotABio;

    fn try_from(text: String) -> Result<Self, NotABio> {
        let fits = text.chars().count() <= LONGEST_BIO;
        if fits && text.chars().all(|c| c == '\n' || !c.is_control()) { Ok(Self(text)) } else { Err(NotABio) }
    }
}

impl Bio {
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeZone(chrono_tz::Tz);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the name of an IANA time zone, like Europe/Paris")]
pub struct NotATimeZone;

impl TryFrom<String> for TimeZone {
    type Error = NotATimeZone;

    fn try_from(text: String) -> Result<Self, NotATimeZone> {
        text.parse().map(Self).map_err(|_| NotATimeZone)
    }
}

impl TimeZone {
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// What its owner calls a device: 1 to 60 characters.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DeviceName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 60 characters and no control characters")]
pub struct NotADeviceName;

const LONGEST_DEVICE_NAME: usize = 60;

impl TryFrom<String> for DeviceName {
    type Error = NotADeviceName;

    fn try_from(text: String) -> Result<Self, NotADeviceName> {
        let text = text.trim();
        let fits = (1..=LONGEST_DEVICE_NAME).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotADeviceName)
        }
    }
}

impl DeviceName {
    pub fn into_text(self) -> String {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an object of at most 8192 bytes as JSON, nested at most 8 deep, without null characters")]
pub struct NotASmallObject;

const LARGEST: usize = 8192;
const DEEPEST: usize = 8;

/// A merge patch for an object that belongs to the clients.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ObjectPatch(Map<String, Value>);

impl ObjectPatch {
    /// The object that stands afterwards in the place of `before`: bounded, because somebody else pays for keeping it.
    pub fn apply(self, before: Value) -> Result<Value, NotASmallObject> {
        let after = merged(before, Value::Object(self.0), 0)?;
        let text = serde_json::to_string(&after).map_err(|_| NotASmallObject)?;
        // PostgreSQL keeps no null character in text.
        let has_null = strings(&after).any(|text| text.contains('\0'));
        if text.len() <= LARGEST && !has_null { Ok(after) } else { Err(NotASmallObject) }
    }
}

/// RFC 7396 section 2.
fn merged(target: Value, patch: Value, depth: usize) -> Result<Value, NotASmallObject> {
    if depth > DEEPEST {
        return Err(NotASmallObject);
    }
    let Value::Object(patch) = patch else {
        return if nesting(&patch) + depth <= DEEPEST { Ok(patch) } else { Err(NotASmallObject) };
    };
    let mut object = if let Value::Object(object) = target { object } else { Map::new() };
    for (name, change) in patch {
        if change.is_null() {
            object.remove(&name);
        } else {
            let before = object.remove(&name).unwrap_or(Value::Null);
            object.insert(name, merged(before, change, depth + 1)?);
        }
    }
    Ok(Value::Object(object))
}

fn nesting(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(nesting).max().unwrap_or(0),
        _ => 0,
    }
}

/// Every name and text in it.
fn strings(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(text.as_str())),
        Value::Array(items) => Box::new(items.iter().flat_map(strings)),
        Value::Object(members) => Box::new(
            members.iter().flat_map(|(name, value)| std::iter::once(name.as_str()).chain(strings(value))),
        ),
        _ => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(before: Value, patch: Value) -> Result<Value, NotASmallObject> {
        serde_json::from_value::<ObjectPatch>(patch).unwrap().apply(before)
    }

    #[test]
    fn a_patch_sets_what_it_names_and_takes_away_what_it_names_with_null() {
        let before = json!({ "theme": "dark", "mail": { "weekly": true, "daily": false }, "tags": [1, 2] });
        let patch = json!({ "theme": null, "mail": { "daily": null, "monthly": true }, "tags": [3] });
        let after = json!({ "mail": { "weekly": true, "monthly": true }, "tags": [3] });
        assert_eq!(apply(before.clone(), patch), Ok(after));
        assert_eq!(apply(before.clone(), json!({})), Ok(before));
        // RFC 7396 appendix A: a patch leaves no null in what it makes new.
        assert_eq!(
            apply(json!({}), json!({ "a": { "bb": { "ccc": null } } })),
            Ok(json!({ "a": { "bb": {} } }))
        );
    }

    #[test]
    fn what_is_kept_is_small_and_can_be_kept() {
        assert!(apply(json!({}), json!({ "a": "x".repeat(LARGEST) })).is_err());
        assert!(apply(json!({ "a": "x".repeat(5000) }), json!({ "b": "x".repeat(5000) })).is_err());
        assert!(apply(json!({}), json!({ "a\0": 1 })).is_err());
        assert!(apply(json!({}), json!({ "a": ["\0"] })).is_err());
        let deep = (0..20).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(apply(json!({}), deep).is_err());
        let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
        assert!(apply(json!({}), json!({ "a": deep })).is_err());
    }

    #[test]
    fn an_absent_member_and_a_null_one_are_told_apart() {
        #[derive(Deserialize)]
        struct Patch {
            #[serde(default)]
            bio: Change<Bio>,
        }
        let bio = |text| serde_json::from_str::<Patch>(text).unwrap().bio;
        assert_eq!(bio("{}"), Change::Keep);
        assert_eq!(bio(r#"{"bio":null}"#), Change::Clear);
        assert_eq!(bio(r#"{"bio":"a"}"#), Change::Set(Bio("a".to_owned())));
    }

    #[test]
    fn zones_are_those_of_the_database() {
        let zone = |text: &str| TimeZone::try_from(text.to_owned());
        assert_eq!(zone("Indian/Reunion").unwrap().name(), "Indian/Reunion");
        for unknown in ["", "Paris", "europe/paris", "Europe/Paris ", "+02:00", "CEST", "../etc/passwd"] {
            assert!(zone(unknown).is_err(), "{unknown:?}");
        }
    }

    #[test]
    fn texts_hold_no_control_characters() {
        assert!(Bio::try_from("one\ntwo".to_owned()).is_ok());
        for refused in ["a\0", "a\r\nb", &"a".repeat(1001)] {
            assert!(Bio::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
        assert_eq!(DeviceName::try_from(" My phone ".to_owned()).unwrap().into_text(), "My phone");
        for refused in ["", "  ", "a\nb", &"a".repeat(61)] {
            assert!(DeviceName::try_from(refused.to_owned()).is_err(), "{refused:?}");
        }
    }
}
