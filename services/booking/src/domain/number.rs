//! Whole numbers that cannot be out of their range.

use serde::{Deserialize, Deserializer, Serialize};

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident in $least:literal..=$most:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(i32);

        impl $name {
            pub fn get(self) -> i32 {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = i32::deserialize(deserializer)?;
                if ($least..=$most).contains(&number) {
                    Ok(Self(number))
                } else {
                    Err(serde::de::Error::custom(concat!("must be between ", $least, " and ", $most)))
                }
            }
        }
    };
}

bounded! {
    /// How many seats one reservation takes.
    Seats in 1..=8
}
bounded! {
    /// How many seats a session has.
    Capacity in 1..=10000
}
bounded! {
    /// What one seat costs. Zero is free.
    CreditCost in 0..=1000
}
bounded! {
    /// How long a class lasts, in minutes: a day at most.
    DurationMinutes in 1..=1440
}

impl Default for Seats {
    fn default() -> Self {
        Self(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_its_range_is_refused_with_the_range() {
        let error = serde_json::from_str::<Seats>("9").unwrap_err().to_string();
        assert!(error.starts_with("must be between 1 and 8"), "{error}");
        assert!(serde_json::from_str::<Seats>("0").is_err());
        assert!(serde_json::from_str::<Seats>("1.5").is_err());
        assert_eq!(serde_json::from_str::<CreditCost>("0").unwrap().get(), 0);
    }
}
