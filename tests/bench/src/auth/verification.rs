//! What a service pays for a token that it verifies by itself: the signature, the claims and the snapshot of revocations.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use shinkofa_identity::{Revocation, Revocations, Standing, UserTokens};
use shinkofa_kernel::{Clock, SessionId, UserId};

use super::people;
use crate::figures::median;

/// What an hour of much trouble leaves in the snapshot.
const REVOKED: u32 = 10_000;
const TOKENS: u64 = 1_000;
const BATCHES: usize = 20;
const BATCH: usize = 2_000;

/// Microseconds a token, the median of some batches.
pub fn microseconds(tokens: &UserTokens, clock: &Clock) -> Result<f64> {
    let held = people::access_tokens(tokens, clock, TOKENS)?;
    let revocations = Revocations::default();
    for _ in 0..REVOKED {
        let session = Revocation::Session { session_id: SessionId::new(clock) };
        let user = Revocation::User { user_id: UserId::new(clock), token_version: 2 };
        revocations.apply(&session, clock.now());
        revocations.apply(&user, clock.now());
    }
    revocations.mark_whole();
    let mut each = Vec::new();
    let mut turns = held.iter().cycle();
    for _ in 0..BATCHES {
        let began = Instant::now();
        for token in turns.by_ref().take(BATCH) {
            let claims = tokens.verify(std::hint::black_box(token)).context("a token of ours is refused")?;
            let standing = std::hint::black_box(revocations.standing(&claims));
            ensure!(standing == Standing::Good, "nobody revoked this");
        }
        each.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(BATCH)?));
    }
    Ok(median(each))
}

#[cfg(test)]
mod tests {
    use shinkofa_identity::Keyring;

    use super::*;

    #[test]
    fn verifying_takes_some_time_and_refuses_nothing_of_ours() {
        let clock = Clock::system();
        let keyring =
            Keyring::parse("a:z9WZJSwevYeau2nLF6+x0KARjcoXXZSI3FxmFQdf5feX6NlEZ7u/gt6AE+8OKw3r\n").unwrap();
        let tokens = UserTokens::new(keyring, "https://app.test", clock.clone());
        assert!(microseconds(&tokens, &clock).unwrap() > 0.0);
    }
}
