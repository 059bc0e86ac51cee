//! A point in time as this service accepts it from outside.

use chrono::{DateTime, Datelike as _, DurationRound as _, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize};

/// An instant between the years 2000 and 2199, to the microsecond that PostgreSQL keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for Instant {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let at = DateTime::<Utc>::deserialize(deserializer)
            .map_err(|_| D::Error::custom("must be an RFC 3339 instant, as 2026-12-01T09:00:00Z"))?;
        if !(2000..=2199).contains(&at.year()) {
            return Err(D::Error::custom("must lie between the years 2000 and 2199"));
        }
        Ok(Self(at.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Instant, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn an_offset_is_read_and_what_the_database_cannot_keep_is_cut_off() {
        let at = read("2026-12-01T10:00:00.123456789+01:00").unwrap();
        assert_eq!(at.get().to_rfc3339(), "2026-12-01T09:00:00.123456+00:00");
    }

    #[test]
    fn instants_that_no_calendar_here_needs_are_refused() {
        for refused in
            ["1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2026-12-01", "now"]
        {
            assert!(read(refused).is_err(), "{refused}");
        }
    }
}
