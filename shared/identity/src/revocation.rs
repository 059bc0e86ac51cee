//! The local snapshot of what auth has revoked: read on every request, refreshed every two seconds.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_kernel::{SessionId, UserId};
use utoipa::ToSchema;

use crate::{LONGEST_TOKEN, UserClaims};

/// One thing that auth takes back before its tokens expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Revocation {
    /// Every token of the user with a smaller version.
    #[serde(rename_all = "camelCase")]
    User { user_id: UserId, token_version: i32 },
    /// Every token of one session.
    #[serde(rename_all = "camelCase")]
    Session { session_id: SessionId },
}

/// What is known of a token that is good by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    Revoked,
    /// This process has just started, and has not read what was revoked before.
    Unknown,
}

/// What is revoked, as far as this process knows. Clones share one snapshot.
#[derive(Clone, Default)]
pub struct Revocations(Arc<RwLock<Snapshot>>);

#[derive(Default)]
struct Snapshot {
    is_whole: bool,
    users: HashMap<UserId, (i32, DateTime<Utc>)>,
    sessions: HashMap<SessionId, DateTime<Utc>>,
}

impl Revocations {
    /// Takes a revocation in that auth recorded at `at`.
    pub fn apply(&self, revocation: &Revocation, at: DateTime<Utc>) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match revocation {
            Revocation::User { user_id, token_version } => {
                let entry = snapshot.users.entry(*user_id).or_insert((*token_version, at));
                *entry = (entry.0.max(*token_version), entry.1.max(at));
            }
            Revocation::Session { session_id } => {
                snapshot.sessions.insert(*session_id, at);
            }
        }
    }

    /// Drops what has outlived every token it could concern.
    pub fn forget_expired(&self, now: DateTime<Utc>) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        snapshot.users.retain(|_, (_, at)| now - *at < LONGEST_TOKEN);
        snapshot.sessions.retain(|_, at| now - *at < LONGEST_TOKEN);
    }

    /// Says that everything was taken in that auth has revoked so far: whoever is not in the snapshot is good from now on.
    pub fn mark_whole(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).is_whole = true;
    }

    pub fn is_whole(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_whole
    }

    pub fn standing(&self, claims: &UserClaims) -> Standing {
        let snapshot = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if !snapshot.is_whole {
            return Standing::Unknown;
        }
        let is_revoked = snapshot.sessions.contains_key(&claims.sid)
            || snapshot.users.get(&claims.sub).is_some_and(|(version, _)| claims.tv < *version);
        if is_revoked { Standing::Revoked } else { Standing::Good }
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Revocations")
    }
}
