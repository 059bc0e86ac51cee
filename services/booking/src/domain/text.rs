//! Texts that people write, of a length that lists can show.

use serde::{Deserialize, Deserializer, Serialize};

macro_rules! limited_text {
    ($(#[$doc:meta])* $name:ident up to $most:literal $(, may contain $allowed:pat)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let text = text.trim();
                if text.is_empty() || text.chars().count() > $most {
                    return Err(serde::de::Error::custom(concat!("must have 1 to ", $most, " characters")));
                }
                // PostgreSQL stores no NUL, and a line break would end the subject of a message.
                let allowed = |_c: char| false $(|| matches!(_c, $allowed))?;
                if text.chars().any(|c| c.is_control() && !allowed(c)) {
                    return Err(serde::de::Error::custom("must not contain control characters"));
                }
                Ok(Self(text.to_owned()))
            }
        }
    };
}

limited_text! {
    /// What a class is called.
    ClassTitle up to 200
}
limited_text! {
    /// What a class is about.
    Description up to 5000, may contain '\n' | '\r' | '\t'
}
limited_text! {
    /// For whom a class is, in the studio's own words: "beginners".
    Level up to 60
}
limited_text! {
    /// Where a session takes place.
    Location up to 200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrounding_space_is_dropped_and_nothing_is_not_a_title() {
        assert_eq!(serde_json::from_str::<ClassTitle>(r#"" Yoga ""#).unwrap().as_str(), "Yoga");
        for refused in [r#""   ""#, r#""a\u0000b""#, r#""a\nb""#] {
            assert!(serde_json::from_str::<ClassTitle>(refused).is_err(), "{refused}");
        }
        assert!(serde_json::from_str::<Description>(r#""Matin\r\nSoir""#).is_ok());
        assert!(serde_json::from_str::<Description>(r#""a\u0000b""#).is_err());
        assert!(serde_json::from_value::<ClassTitle>("é".repeat(201).into()).is_err());
        assert!(serde_json::from_value::<ClassTitle>("é".repeat(200).into()).is_ok());
    }
}
