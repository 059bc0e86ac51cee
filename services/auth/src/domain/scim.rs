//! SCIM 2.0 (RFC 7643, RFC 7644), as far as an identity provider needs it to bring people to a studio and to take them out again.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use shinkofa_kernel::text_enum;
use utoipa::ToSchema;

use super::email::{EmailAddress, ReachableAddress};
use super::person_name::PersonName;

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
pub const CONFIGURATION: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// So many people in one answer.
pub const MOST_LISTED: i64 = 100;

text_enum! {
    /// A boolean as some providers write it.
    FlagWord {
        True => "True",
        False => "False",
        LowerTrue => "true",
        LowerFalse => "false",
    }
}

/// A boolean, or the word for one.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Flag {
    Boolean(bool),
    Word(FlagWord),
}

impl Flag {
    pub fn is_set(self) -> bool {
        match self {
            Self::Boolean(set) => set,
            Self::Word(word) => matches!(word, FlagWord::True | FlagWord::LowerTrue),
        }
    }
}

/// What a provider itself calls somebody.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ExternalId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 255 characters, none of them a control character")]
pub struct NotAnExternalId;

const LONGEST_EXTERNAL_ID: usize = 255;

impl ExternalId {
    pub fn into_text(self) -> String {
        self.0
    }
}

impl TryFrom<String> for ExternalId {
    type Error = NotAnExternalId;

    fn try_from(text: String) -> Result<Self, NotAnExternalId> {
        let fits = (1..=LONGEST_EXTERNAL_ID).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(NotAnExternalId) }
    }
}

/// What is asked of a list: one of two attributes, and its whole value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserFilter {
    UserName(String),
    ExternalId(String),
}

impl UserFilter {
    /// `userName eq "..."` or `externalId eq "..."` (RFC 7644 section 3.4.2.2); nothing else is understood.
    pub fn parse(text: &str) -> Option<Self> {
        let (attribute, rest) = text.trim().split_once(' ')?;
        let (operator, value) = rest.trim_start().split_once(' ')?;
        let value: String = serde_json::from_str(value.trim_start()).ok()?;
        let is_searchable = operator.eq_ignore_ascii_case("eq") && !value.chars().any(char::is_control);
        match attribute_of(attribute).as_str() {
            "username" if is_searchable => Some(Self::UserName(value)),
            "externalid" if is_searchable => Some(Self::ExternalId(value)),
            _ => None,
        }
    }
}

/// What is to become of somebody. `None` leaves an attribute as it is, `Some(None)` takes it away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub user_name: Option<EmailAddress>,
    pub external_id: Option<Option<ExternalId>>,
    pub display_name: Option<Option<PersonName>>,
    pub given_name: Option<Option<PersonName>>,
    pub family_name: Option<Option<PersonName>>,
    pub active: Option<bool>,
}

/// Why a change cannot be made, whomever it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The path is none.
    Path,
    /// There is nothing to take away.
    NoTarget,
    /// The attribute is not a provider's to set, or cannot go.
    ReadOnly,
    Value {
        attribute: &'static str,
        detail: String,
    },
}

text_enum! {
    /// What is done to an attribute. Some providers begin the word with a capital.
    PatchVerb {
        Add => "add",
        Replace => "replace",
        Remove => "remove",
        CapitalAdd => "Add",
        CapitalReplace => "Replace",
        CapitalRemove => "Remove",
    }
}

impl PatchVerb {
    fn removes(self) -> bool {
        matches!(self, Self::Remove | Self::CapitalRemove)
    }
}

/// One step of a change (RFC 7644 section 3.5.2).
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct PatchOperation {
    op: PatchVerb,
    /// The attribute. Without it the value is an object of attributes.
    #[schema(example = "active")]
    path: Option<String>,
    /// Nothing where something is taken away.
    #[serde(default)]
    value: Value,
}

impl Change {
    /// All steps, one after the other.
    pub fn of(operations: &[PatchOperation]) -> Result<Self, Refusal> {
        let mut change = Self::default();
        for PatchOperation { op, path, value } in operations {
            match (path, value) {
                (Some(path), _) if op.removes() => change.set_at(path, &Value::Null)?,
                (Some(path), value) => change.set_at(path, value)?,
                (None, Value::Object(attributes)) if !op.removes() => {
                    for (attribute, value) in attributes {
                        change.set_among_others(attribute, value)?;
                    }
                }
                (None, _) if op.removes() => return Err(Refusal::NoTarget),
                (None, _) => return Err(of_value("value", "must be an object where there is no path")),
            }
        }
        Ok(change)
    }

    /// A path names what it is about: what is not a provider's to set is refused.
    fn set_at(&mut self, path: &str, value: &Value) -> Result<(), Refusal> {
        if !path.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(Refusal::Path);
        }
        let attribute = attribute_of(path);
        let base = attribute.split(['.', '[']).next().unwrap_or_default();
        if ["id", "meta", "roles", "groups"].contains(&base) {
            return Err(Refusal::ReadOnly);
        }
        self.set(&attribute, value)
    }

    /// Providers send the id beside what they change.
    fn set_among_others(&mut self, attribute: &str, value: &Value) -> Result<(), Refusal> {
        let attribute = attribute_of(attribute);
        if attribute == "roles" { Err(Refusal::ReadOnly) } else { self.set(&attribute, value) }
    }

    /// What is not kept here is passed over, as it is where somebody is made.
    fn set(&mut self, attribute: &str, value: &Value) -> Result<(), Refusal> {
        match attribute {
            "username" => {
                let name: Option<ReachableAddress> = parsed("userName", value)?;
                self.user_name = Some(name.ok_or(Refusal::ReadOnly)?.into());
            }
            "active" => {
                let flag: Option<Flag> = parsed("active", value)?;
                self.active = Some(flag.ok_or(Refusal::ReadOnly)?.is_set());
            }
            "externalid" => self.external_id = Some(parsed("externalId", value)?),
            "displayname" => self.display_name = Some(parsed("displayName", value)?),
            "name.givenname" => self.given_name = Some(parsed("name.givenName", value)?),
            "name.familyname" => self.family_name = Some(parsed("name.familyName", value)?),
            "name" => match value {
                Value::Null => (self.given_name, self.family_name) = (Some(None), Some(None)),
                Value::Object(parts) => {
                    for (part, value) in parts {
                        self.set(&format!("name.{}", part.to_ascii_lowercase()), value)?;
                    }
                }
                _ => return Err(of_value("name", "must be an object")),
            },
            _ => {}
        }
        Ok(())
    }
}

/// Names of attributes are compared without their case, and may stand behind that of their schema (RFC 7644 section 3.10).
fn attribute_of(path: &str) -> String {
    let path = path.to_ascii_lowercase();
    let of_user = path.strip_prefix(&format!("{}:", USER.to_ascii_lowercase())).map(ToOwned::to_owned);
    of_user.unwrap_or(path)
}

/// The value of an attribute. An empty text is as good as none.
fn value_of<T: DeserializeOwned>(value: &Value) -> serde_json::Result<Option<T>> {
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Ok(None);
    }
    T::deserialize(value).map(Some)
}

/// The same for a member of a body that is somebody whole.
pub fn optional<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    value_of(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A complex attribute: an object, and never its values one after the other.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let object = Option::<Map<String, Value>>::deserialize(deserializer)?;
    object.map(|object| T::deserialize(Value::Object(object)).map_err(D::Error::custom)).transpose()
}

fn parsed<T: DeserializeOwned>(attribute: &'static str, value: &Value) -> Result<Option<T>, Refusal> {
    value_of(value).map_err(|error| Refusal::Value { attribute, detail: error.to_string() })
}

fn of_value(attribute: &'static str, detail: &str) -> Refusal {
    Refusal::Value { attribute, detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn change(operations: Value) -> Result<Change, Refusal> {
        Change::of(&serde_json::from_value::<Vec<PatchOperation>>(operations).unwrap())
    }

    #[test]
    fn two_filters_are_understood_and_no_other() {
        let name = |value: &str| Some(UserFilter::UserName(value.to_owned()));
        assert_eq!(UserFilter::parse("userName eq \"anna@example.org\""), name("anna@example.org"));
        assert_eq!(UserFilter::parse(" USERNAME  EQ  \"a\\\"b\" "), name("a\"b"));
        assert_eq!(UserFilter::parse(&format!("{USER}:userName eq \"a b\"")), name("a b"));
        assert_eq!(
            UserFilter::parse("externalId eq \"00u1\""),
            Some(UserFilter::ExternalId("00u1".to_owned()))
        );
        for other in [
            "",
            "userName",
            "userName eq",
            "userName eq anna",
            "userName eq 'anna'",
            "userName sw \"a\"",
            "userName eq \"a\" or userName eq \"b\"",
            "emails eq \"a\"",
            "userName eq \"a\\u0000\"",
            "userName eq true",
        ] {
            assert_eq!(UserFilter::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_member_is_deactivated_in_whichever_words_their_provider_has() {
        for operations in [
            json!([{ "op": "replace", "path": "active", "value": false }]),
            json!([{ "op": "Replace", "path": "active", "value": "False" }]),
            json!([{ "op": "Add", "path": "ACTIVE", "value": "false" }]),
            json!([{ "op": "replace", "value": { "active": false } }]),
            json!([{ "op": "replace", "value": { "id": "1", "active": false, "title": "Dr" } }]),
            json!([{ "op": "replace", "path": format!("{USER}:active"), "value": false }]),
            json!([{ "op": "add", "path": "title", "value": "x" }, { "op": "replace", "path": "active", "value": false }]),
        ] {
            assert_eq!(change(operations).unwrap(), Change { active: Some(false), ..Change::default() });
        }
        let on = change(json!([{ "op": "Replace", "path": "active", "value": "True" }])).unwrap();
        assert_eq!(on.active, Some(true));
    }

    #[test]
    fn names_are_set_whole_and_in_parts_and_taken_away() {
        let given = PersonName::try_from("Anna".to_owned()).unwrap();
        for operations in [
            json!([{ "op": "replace", "path": "name.givenName", "value": "Anna" }]),
            json!([{ "op": "add", "path": "name", "value": { "givenName": "Anna" } }]),
            json!([{ "op": "add", "value": { "name": { "givenName": "Anna" } } }]),
            json!([{ "op": "Add", "value": { "name.givenName": "Anna" } }]),
        ] {
            assert_eq!(change(operations).unwrap().given_name, Some(Some(given.clone())));
        }
        let gone =
            change(json!([{ "op": "remove", "path": "displayName" }, { "op": "remove", "path": "name" }]));
        let gone = gone.unwrap();
        assert_eq!((gone.display_name, gone.family_name, gone.external_id), (Some(None), Some(None), None));
    }

    #[test]
    fn nobody_sets_roles_and_what_has_to_be_stays() {
        for operations in [
            json!([{ "op": "add", "path": "roles", "value": [{ "value": "admin" }] }]),
            json!([{ "op": "replace", "path": "roles[primary eq \"True\"].value", "value": "admin" }]),
            json!([{ "op": "add", "value": { "roles": [{ "value": "admin" }] } }]),
            json!([{ "op": "add", "value": { "Roles": ["admin"] } }]),
            json!([{ "op": "add", "path": "groups", "value": [] }]),
            json!([{ "op": "replace", "path": "id", "value": "1" }]),
            json!([{ "op": "remove", "path": "userName" }]),
            json!([{ "op": "remove", "path": "active" }]),
        ] {
            assert_eq!(change(operations.clone()), Err(Refusal::ReadOnly), "{operations}");
        }
        assert_eq!(change(json!([{ "op": "remove" }])), Err(Refusal::NoTarget));
        assert_eq!(change(json!([{ "op": "add", "path": "[1]", "value": 1 }])), Err(Refusal::Path));
        for operations in [
            json!([{ "op": "replace", "path": "active", "value": "perhaps" }]),
            json!([{ "op": "replace", "path": "active", "value": [true] }]),
            json!([{ "op": "replace", "path": "userName", "value": "anna" }]),
            json!([{ "op": "replace", "path": "userName", "value": "anna@guest.invalid" }]),
            json!([{ "op": "replace", "path": "name", "value": "Anna" }]),
            json!([{ "op": "replace", "path": "displayName", "value": "<b>" }]),
            json!([{ "op": "replace", "value": false }]),
        ] {
            assert!(matches!(change(operations.clone()), Err(Refusal::Value { .. })), "{operations}");
        }
    }

    /// A filter as RFC 7644 writes it.
    fn printed(filter: &UserFilter) -> String {
        let (attribute, value) = match filter {
            UserFilter::UserName(value) => ("userName", value),
            UserFilter::ExternalId(value) => ("externalId", value),
        };
        format!("{attribute} eq {}", json!(value))
    }

    /// Any value that a step may bring.
    fn any_json() -> impl Strategy<Value = Value> {
        let names = ["userName", "active", "name", "givenName", "displayName", "roles", "id", "title"];
        let single = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(json!("True")),
            "[a-z]{1,5}@[a-z]{1,5}\\.org|.{0,12}".prop_map(Value::from),
        ];
        single.prop_recursive(3, 16, 4, move |inner| {
            let member = (prop::sample::select(names.to_vec()).prop_map(str::to_owned), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                prop::collection::vec(member, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The same word, with capitals where `capitals` has them.
    fn spelled(word: &str, capitals: &[bool]) -> String {
        let spell = |(c, capital): (char, &bool)| {
            if *capital { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
        };
        word.chars().zip(capitals.iter().cycle()).map(spell).collect()
    }

    #[test]
    fn filters_and_steps_are_as_deep_as_they_like_and_no_fault() {
        for deep in ["(", "not (", "[", "emails[", "userName eq \"a\" and ", "userName eq [", "\\"] {
            for filter in [deep.repeat(50_000), format!("userName eq {}", deep.repeat(50_000))] {
                assert_eq!(UserFilter::parse(&filter), None, "{deep}");
            }
            let step = json!([{ "op": "add", "path": deep.repeat(50_000), "value": 1 }]);
            assert!(matches!(change(step), Err(Refusal::Path)) || deep.starts_with(char::is_alphabetic));
        }
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        for path in ["userName", "active", "name", "displayName"] {
            let step = |value: &str| {
                let steps = format!(r#"[{{"op":"add","path":"{path}","value":{value}}}]"#);
                serde_json::from_str::<Vec<PatchOperation>>(&steps)
            };
            assert!(matches!(Change::of(&step(&nested(100)).unwrap()), Err(Refusal::Value { .. })), "{path}");
            assert!(step(&nested(50_000)).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_filter_is_read_as_it_was_written(
            value in "[ -~¡-\u{d7ff}]{0,40}",
            (is_name, with_schema) in any::<(bool, bool)>(),
            capitals in prop::collection::vec(any::<bool>(), 1..12),
            gap in " {1,3}",
        ) {
            let filter = if is_name { UserFilter::UserName(value) } else { UserFilter::ExternalId(value) };
            let text = printed(&filter);
            prop_assert_eq!(UserFilter::parse(&text), Some(filter.clone()));
            let (attribute, rest) = text.split_once(" eq ").unwrap();
            let schema = if with_schema { format!("{USER}:") } else { String::new() };
            let (attribute, eq) = (spelled(&(schema + attribute), &capitals), spelled("eq", &capitals));
            let otherwise = format!("{gap}{attribute}{gap}{eq}{gap}{rest}{gap}");
            prop_assert_eq!(UserFilter::parse(&otherwise), Some(filter));
        }

        #[test]
        fn a_filter_that_is_understood_has_one_meaning(
            text in "(userName|externalId|emails|.{0,8}) {1,2}(eq|EQ|sw|.{0,3}) {1,2}(\"[ -~]{0,12}\"|.{0,12})",
        ) {
            if let Some(filter) = UserFilter::parse(&text) {
                prop_assert_eq!(UserFilter::parse(&printed(&filter)), Some(filter));
            }
        }

        #[test]
        fn steps_that_are_made_once_more_change_nothing_more(
            steps in prop::collection::vec(
                (
                    prop::sample::select(PatchVerb::ALL),
                    prop::option::of("(userName|active|name|name\\.givenName|displayName|title)|.{0,12}"),
                    any_json(),
                ),
                0..5,
            ),
        ) {
            let steps: Vec<_> =
                steps.into_iter().map(|(op, path, value)| PatchOperation { op, path, value }).collect();
            let twice: Vec<_> = steps.iter().chain(&steps).cloned().collect();
            prop_assert_eq!(Change::of(&twice), Change::of(&steps));
        }

        #[test]
        fn what_is_no_providers_to_set_is_refused_however_its_path_goes_on(
            op in prop::sample::select(PatchVerb::ALL),
            attribute in prop::sample::select(vec!["id", "meta", "roles", "groups"]),
            with_schema in any::<bool>(),
            capitals in prop::collection::vec(any::<bool>(), 1..12),
            rest in "([.\\[].{0,20})?",
            value in any_json(),
        ) {
            let schema = if with_schema { format!("{USER}:") } else { String::new() };
            let path = spelled(&(schema + attribute), &capitals) + &rest;
            prop_assert_eq!(change(json!([{ "op": op, "path": path, "value": value }])), Err(Refusal::ReadOnly));
        }

        #[test]
        fn names_of_attributes_are_read_in_any_letters(
            attribute in prop::sample::select(vec!["externalId", "displayName", "name.givenName", "name.familyName"]),
            with_schema in any::<bool>(),
            capitals in prop::collection::vec(any::<bool>(), 1..12),
        ) {
            let schema = if with_schema { format!("{USER}:") } else { String::new() };
            let path = spelled(&(schema + attribute), &capitals);
            let set = |path: &str| change(json!([{ "op": "add", "path": path, "value": "Anna" }])).unwrap();
            prop_assert_ne!(set(attribute), Change::default());
            prop_assert_eq!(set(&path), set(attribute));
        }
    }
}
