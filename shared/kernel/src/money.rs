//! Money as integer minor units and an ISO 4217 code.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A currency that Stripe settles and its number of minor digits.
///
/// Digits follow ISO 4217, except where Stripe's own list of zero-decimal currencies differs for charges
/// (<https://docs.stripe.com/currencies>): ISK and UGX are sent with two decimals that must be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Currency(&'static str);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency {0:?}: an ISO 4217 code in capitals is expected")]
pub struct UnknownCurrency(String);

const ZERO_DECIMAL: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THREE_DECIMAL: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];
const TWO_DECIMAL: &[&str] = &[
    "AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "GEL", "HKD",
    "HUF", "IDR", "ILS", "INR", "KES", "MAD", "MUR", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP", "PLN",
    "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "TZS", "UAH", "USD", "UYU", "ZAR",
];

impl Currency {
    pub const EUR: Self = Self("EUR");

    pub const fn code(self) -> &'static str {
        self.0
    }

    /// How many decimals a person writes: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        if ZERO_DECIMAL.contains(&self.0) {
            0
        } else if THREE_DECIMAL.contains(&self.0) {
            3
        } else {
            2
        }
    }

    /// How many decimals Stripe's API counts in: ISK and UGX keep two there for backward compatibility.
    pub fn stripe_exponent(self) -> u32 {
        if matches!(self.0, "ISK" | "UGX") { 2 } else { self.exponent() }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        [ZERO_DECIMAL, THREE_DECIMAL, TWO_DECIMAL]
            .into_iter()
            .flatten()
            .find(|known| **known == code)
            .map(|known| Self(known))
            .ok_or_else(|| UnknownCurrency(code.to_owned()))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217 code."))
            .examples([String::from("EUR")])
            .into()
    }
}

impl utoipa::ToSchema for Currency {}

impl ToSql<Text, Pg> for Currency {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> diesel::serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(self.0, out)
    }
}

impl FromSql<Text, Pg> for Currency {
    fn from_sql(value: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        Ok(<String as FromSql<Text, Pg>>::from_sql(value)?.parse::<Self>()?)
    }
}

/// An amount: `minor` units of `currency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    /// The amount in the units that Stripe's API counts in, or `None` where it does not fit.
    pub fn stripe_units(self) -> Option<i64> {
        let shift = self.currency.stripe_exponent() - self.currency.exponent();
        self.minor.checked_mul(10_i64.pow(shift))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        if fraction.is_empty() {
            write!(f, "{sign}{whole} {}", self.currency)
        } else {
            write!(f, "{sign}{whole}.{fraction} {}", self.currency)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        let written = |minor, code: &str| Money { minor, currency: code.parse().unwrap() }.to_string();
        assert_eq!(written(9999, "EUR"), "99.99 EUR");
        assert_eq!(written(5, "EUR"), "0.05 EUR");
        assert_eq!(written(-5, "EUR"), "-0.05 EUR");
        assert_eq!(written(500, "JPY"), "500 JPY");
        assert_eq!(written(1234, "KWD"), "1.234 KWD");
    }

    #[test]
    fn stripe_counts_icelandic_crowns_in_hundredths() {
        let crowns = Money { minor: 1500, currency: "ISK".parse().unwrap() };
        assert_eq!(crowns.stripe_units(), Some(150_000));
    }

    #[test]
    fn an_unknown_currency_is_refused() {
        assert!("eur".parse::<Currency>().is_err());
        assert!("XXX".parse::<Currency>().is_err());
    }
}
