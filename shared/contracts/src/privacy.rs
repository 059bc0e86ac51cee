//! The privacy contract: every service can tell what it knows about a person, and whether it has forgotten them.

use serde::{Deserialize, Serialize};
use shinkofa_identity::Scope;
use shinkofa_kernel::text_enum;
use utoipa::ToSchema;

/// Collecting a person's data for a copy they asked for, and seeing to it that they are forgotten.
#[derive(Clone, Copy, Debug)]
pub struct PrivacyScope;

impl Scope for PrivacyScope {
    const NAME: &'static str = "privacy";
}

/// `GET /internal/v1/privacy/exports/{userId}`: everything one service knows about one person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalExport {
    pub service: String,
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// `GET /internal/v1/privacy/erasures/{userId}?after=`: has this service applied what auth's feed said up to there?
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErasureProgress {
    pub service: String,
    /// Every subscription of the service to auth's feed is past that position, and nothing about the person waits aside.
    pub done: bool,
}

text_enum! {
    /// Whom data is about.
    People {
        Members => "members",
        /// Who has an account without a name.
        Guests => "guests",
        Staff => "staff",
        /// Who was invited to a studio, with an account or without.
        Invited => "invited",
        /// Who signed up and has not confirmed the address.
        Newcomers => "newcomers",
        /// Who has an account for a day.
        Temporary => "temporary",
    }
}

/// One kind of personal data that a service keeps, as the comments of its column and its table say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Processing {
    #[schema(example = "auth")]
    pub service: String,
    /// Table and column.
    #[schema(example = "users.email")]
    pub data: String,
    /// What kind of data it is among.
    #[serde(default)]
    #[schema(required = true, example = "contact details and credentials")]
    pub category: String,
    #[serde(default)]
    #[schema(required = true, example = json!(["members", "staff"]))]
    pub people: Vec<People>,
    #[schema(example = "signing in, and letters about the account")]
    pub purpose: String,
    /// Article 6(1) of the GDPR.
    #[schema(example = "contract")]
    pub basis: String,
    #[schema(example = "until the account is erased")]
    pub retention: String,
}

/// A country by its two letters (ISO 3166-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the two capital letters of a country (ISO 3166-1)")]
pub struct NotACountry;

impl TryFrom<String> for Country {
    type Error = NotACountry;

    fn try_from(text: String) -> Result<Self, NotACountry> {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if fits { Ok(Self(text)) } else { Err(NotACountry) }
    }
}

impl std::str::FromStr for Country {
    type Err = NotACountry;

    fn from_str(text: &str) -> Result<Self, NotACountry> {
        Self::try_from(text.to_owned())
    }
}

/// The European Economic Area: the Union, Iceland, Liechtenstein and Norway.
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

text_enum! {
    /// Does data leave the European Economic Area?
    Transfer {
        WithinEea => "within_eea",
        ThirdCountry => "third_country",
        /// The operator has not said where the recipient is.
        NotTold => "not_told",
    }
}

/// Somebody outside the platform who is told something of people (article 4(9) of the GDPR).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The service that tells them.
    #[schema(example = "credits")]
    pub service: String,
    #[schema(example = "Stripe")]
    pub name: String,
    #[schema(example = "taking payments")]
    pub purpose: String,
    /// What they are told, or learn on the way.
    #[schema(example = "what is bought and for how much, and what the person enters at the payment page")]
    pub data: String,
    /// By its two letters (ISO 3166-1). Null where the operator has not said it.
    #[schema(required = true, value_type = Option<String>, example = "IE")]
    pub country: Option<Country>,
    pub transfer: Transfer,
}

impl Recipient {
    pub fn new(service: &str, [name, purpose, data]: [&str; 3], country: Option<Country>) -> Self {
        let transfer = match &country {
            None => Transfer::NotTold,
            Some(Country(letters)) if EEA.contains(&letters.as_str()) => Transfer::WithinEea,
            Some(_) => Transfer::ThirdCountry,
        };
        Self {
            service: service.to_owned(),
            name: name.to_owned(),
            purpose: purpose.to_owned(),
            data: data.to_owned(),
            country,
            transfer,
        }
    }
}

/// `GET /internal/v1/privacy/processing`: what one service keeps about people and why, and whom it tells; auth hands out those of all
/// services.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessingRegister {
    pub items: Vec<Processing>,
    #[serde(default)]
    #[schema(required = true)]
    pub recipients: Vec<Recipient>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_recipient_is_says_whether_data_leaves_the_economic_area() {
        let transfer = |country: Option<&str>| {
            let country = country.map(|letters| letters.parse().unwrap());
            Recipient::new("credits", ["Stripe", "payments", "amounts"], country).transfer
        };
        assert_eq!(transfer(Some("IE")), Transfer::WithinEea);
        assert_eq!(transfer(Some("NO")), Transfer::WithinEea);
        assert_eq!(transfer(Some("US")), Transfer::ThirdCountry);
        assert_eq!(transfer(None), Transfer::NotTold);
        for other in ["", "us", "USA", "U1", "É"] {
            assert_eq!(other.parse::<Country>(), Err(NotACountry), "{other}");
        }
    }
}
