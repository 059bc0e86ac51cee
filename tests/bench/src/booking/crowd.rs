//! The people who book: their ids, their tokens, and the requests they send.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use shinkofa_identity::{Keyring, UserTokens};
use shinkofa_kernel::{Clock, SessionId, UserId};
use uuid::Uuid;

use crate::load::{Client, Http};
use crate::stack::Stack;
use crate::tokens::member_claims;

/// Everybody has a wallet and a token. Enough that one person books once in a phase of some seconds.
pub const PEOPLE: u64 = 20_000;
/// The design page's figure: bookings are spread over so many sessions.
pub const SESSIONS: u64 = 3_000;

/// The person of this number, from 1. pgbench's scripts make the same ids with `lpad(number, 32, '0')`.
pub fn person(number: u64) -> Uuid {
    decimal_uuid(number)
}

/// The session of this number.
pub fn session(number: u64) -> Uuid {
    decimal_uuid(number)
}

fn decimal_uuid(number: u64) -> Uuid {
    // The digits of a decimal number are hexadecimal digits as well.
    Uuid::parse_str(&format!("{number:032}")).unwrap_or_default()
}

/// Who books what in the `turn`th booking of a phase: no pair comes twice in `PEOPLE * SESSIONS` turns.
pub fn pair(turn: u64, first_session: u64) -> (u64, u64) {
    (1 + turn % PEOPLE, first_session + (turn + turn / PEOPLE) % SESSIONS)
}

/// Prepares what costs time before the clock starts.
pub struct Crowd {
    /// `Host`, `Authorization` and whatever else is the same in every request of a person.
    heads: Vec<String>,
}

/// One request, and whom it is from.
pub struct Booking {
    pub bytes: Vec<u8>,
    pub person: Uuid,
    pub session: Uuid,
    pub key: Uuid,
}

impl Crowd {
    pub fn assemble(stack: &Stack, clock: &Clock) -> Result<Self> {
        let keyring = Keyring::parse(&stack.secret("jwt-keyring")?)?;
        let tokens = UserTokens::new(keyring, &stack.issuer, clock.clone());
        let heads = (1..=PEOPLE)
            .map(|number| {
                let user = UserId::from_uuid(person(number));
                let token = tokens.sign(member_claims(clock, user, SessionId::new(clock)))?;
                Ok(format!(
                    "POST /api/booking/create HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
                     Content-Type: application/json\r\n",
                    stack.host
                ))
            })
            .collect::<Result<_>>()
            .context("signing tokens")?;
        Ok(Self { heads })
    }

    /// The `turn`th booking of the phase whose sessions begin at `first_session`. Its key is used once.
    pub fn booking(&self, turn: u64, first_session: u64) -> Booking {
        let (person_number, session_number) = pair(turn, first_session);
        let session = session(session_number);
        let key = Uuid::from_u64_pair(first_session, turn);
        let body = format!("{{\"sessionId\":\"{session}\"}}");
        let head = usize::try_from(person_number - 1).ok().and_then(|index| self.heads.get(index));
        let mut text = head.cloned().unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(text, "Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        Booking { bytes: text.into_bytes(), person: person(person_number), session, key }
    }
}

/// Books over one connection. All connections of a phase take turns.
pub struct Booker {
    pub crowd: Arc<Crowd>,
    pub turns: Arc<AtomicU64>,
    pub first_session: u64,
}

impl Client for Booker {
    type Wire = Http;

    fn next_request(&mut self) -> Vec<u8> {
        self.crowd.booking(self.turns.fetch_add(1, Ordering::Relaxed), self.first_session).bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nobody_books_the_same_session_twice_in_a_phase() {
        let turns = 5 * PEOPLE;
        let pairs: HashSet<_> = (0..turns).map(|turn| pair(turn, 1)).collect();
        assert_eq!(pairs.len() as u64, turns);
    }

    #[test]
    fn a_number_is_padded_as_the_scripts_pad_it() {
        assert_eq!(person(1234).to_string(), "00000000-0000-0000-0000-000000001234");
    }
}
