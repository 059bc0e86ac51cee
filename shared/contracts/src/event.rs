//! Events: what happened in one service, as the others read it from its feed.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shinkofa_identity::Scope;
use shinkofa_kernel::{Actor, TenantId};
use utoipa::ToSchema;
use uuid::Uuid;

/// The typed content of one kind of event.
pub trait EventPayload: Serialize + DeserializeOwned {
    /// `noun.past_tense`, stable.
    const TYPE: &'static str;
    /// Raised when a reader of the old shape would misunderstand the new one.
    const VERSION: i32;
    /// The kind of thing it happened to.
    const AGGREGATE: &'static str;
    /// Personal data, kept apart so that erasure can null it in place. `()` when there is none.
    type Personal: Serialize + DeserializeOwned;
}

/// The thing an event happened to. `seq` counts its events from 1, without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Aggregate {
    pub r#type: String,
    pub id: Uuid,
    pub seq: i64,
}

/// One event as it travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Where it stands in its feed.
    #[schema(value_type = String, example = "1042:7")]
    pub position: Position,
    pub id: Uuid,
    pub r#type: String,
    pub version: i32,
    pub occurred_at: DateTime<Utc>,
    pub tenant_id: Option<TenantId>,
    pub aggregate: Aggregate,
    pub actor: Actor,
    pub traceparent: Option<String>,
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
    /// Null once erased.
    #[schema(value_type = Option<Object>)]
    pub personal: Option<serde_json::Value>,
}

impl Event {
    pub fn is<P: EventPayload>(&self) -> bool {
        self.r#type == P::TYPE
    }

    /// The typed content. An error when the event is of another version than this reader knows: it is then parked until
    /// a newer one comes.
    pub fn payload<P: EventPayload>(&self) -> Result<P, serde_json::Error> {
        if self.version != P::VERSION {
            let unknown = format!("version {} of {} is not known here", self.version, P::TYPE);
            return Err(serde::de::Error::custom(unknown));
        }
        serde_json::from_value(self.data.clone())
    }

    /// The personal part; `None` when it was erased.
    pub fn personal<P: EventPayload>(&self) -> Result<Option<P::Personal>, serde_json::Error> {
        self.personal.clone().map(serde_json::from_value).transpose()
    }
}

/// A place in a feed: the producing transaction, then the event's number within the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub transaction: i64,
    pub number: i64,
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self { transaction: 0, number: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transaction, self.number)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a feed position is two numbers with a colon between them")]
pub struct MalformedPosition;

impl FromStr for Position {
    type Err = MalformedPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (transaction, number) = text.split_once(':').ok_or(MalformedPosition)?;
        let parse = |part: &str| part.parse::<i64>().ok().filter(|n| *n >= 0).ok_or(MalformedPosition);
        Ok(Self { transaction: parse(transaction)?, number: parse(number)? })
    }
}

impl Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What `GET /internal/v1/events` answers, oldest first. Empty after a long poll in which nothing happened.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    pub items: Vec<Event>,
}

/// Reading a service's feed.
#[derive(Clone, Copy, Debug)]
pub struct FeedScope;

impl Scope for FeedScope {
    const NAME: &'static str = "feed";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_order_by_transaction_first() {
        let position = |text: &str| text.parse::<Position>().unwrap();
        assert!(position("9:100") < position("10:1"));
        assert_eq!(position("9:100").to_string(), "9:100");
        assert!("9".parse::<Position>().is_err());
        assert!("-1:2".parse::<Position>().is_err());
    }
}
