//! The terms on which credits are sold.

use serde::{Deserialize, Deserializer, Serialize};
use shinkofa_kernel::{Currency, Money};

/// What a package is called: 1 to 120 characters on one line, without blanks around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct PackageName(String);

impl PackageName {
    const LONGEST: usize = 120;

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > Self::LONGEST {
            Err(format!("must have 1 to {} characters", Self::LONGEST))
        } else if name.chars().any(char::is_control) {
            Err("must be one line of text".to_owned())
        } else {
            Ok(Self(name.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Declares a whole number that is read only between its bounds.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($inner:ty) in $least:literal..=$most:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub(crate) struct $name($inner);

        impl $name {
            pub(crate) fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<$inner> for $name {
            type Error = String;

            fn try_from(value: $inner) -> Result<Self, String> {
                if ($least..=$most).contains(&value) {
                    Ok(Self(value))
                } else {
                    Err(format!("must be between {} and {}", $least, $most))
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(<$inner>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

bounded! {
    /// How many credits a package holds.
    CreditCount(i32) in 1..=10_000
}
bounded! {
    /// A price in minor units. Stripe takes at most eight digits (<https://docs.stripe.com/currencies>).
    PriceMinor(i64) in 1..=99_999_999
}
bounded! {
    /// For how many days after the payment credits can be spent.
    ValidityDays(i32) in 1..=3650
}

/// A price that Stripe can charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Price(Money);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnsellablePrice {
    /// Stripe charges currencies with three decimals in steps of ten (<https://docs.stripe.com/currencies>).
    #[error("must end in 0: amounts in this currency are charged in steps of ten")]
    NotInSteps,
    #[error("is more than can be charged in this currency")]
    TooMuch,
}

impl Price {
    const MOST_STRIPE_UNITS: i64 = 99_999_999;

    pub(crate) fn new(minor: PriceMinor, currency: Currency) -> Result<Self, UnsellablePrice> {
        let money = Money { minor: minor.get(), currency };
        if currency.exponent() == 3 && money.minor % 10 != 0 {
            return Err(UnsellablePrice::NotInSteps);
        }
        match money.stripe_units() {
            Some(units) if units <= Self::MOST_STRIPE_UNITS => Ok(Self(money)),
            _ => Err(UnsellablePrice::TooMuch),
        }
    }

    pub(crate) fn money(self) -> Money {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(minor: i64, code: &str) -> Result<Price, UnsellablePrice> {
        Price::new(minor.try_into().unwrap(), code.parse().unwrap())
    }

    #[test]
    fn a_price_that_stripe_would_refuse_is_not_put_on_sale() {
        assert!(price(9_999, "EUR").is_ok());
        assert!(price(500, "JPY").is_ok());
        assert_eq!(price(1_234, "KWD"), Err(UnsellablePrice::NotInSteps));
        assert!(price(1_230, "KWD").is_ok());
        // Stripe counts ISK in hundredths.
        assert_eq!(price(1_000_000, "ISK"), Err(UnsellablePrice::TooMuch));
        assert!(price(999_999, "ISK").is_ok());
    }

    #[test]
    fn a_name_is_one_line_with_something_on_it() {
        assert_eq!(PackageName::parse("  Dix séances ").unwrap().as_str(), "Dix séances");
        for bad in ["", "   ", "a\nb", "a\0b", &"x".repeat(121)] {
            assert!(PackageName::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_on_sale_always_has_an_amount_for_stripe(minor in 1_i64..=99_999_999, code in "EUR|JPY|KWD|ISK|UGX|USD|TND") {
            if let Ok(price) = price(minor, &code) {
                let units = price.money().stripe_units().unwrap();
                prop_assert!((1..=99_999_999).contains(&units));
            }
        }
    }
}
