//! A family of sessions, which were opened from one another by switching studios.

use std::collections::{BTreeMap, BTreeSet};

use shinkofa_kernel::SessionId;

/// The session that another is opened from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub session: SessionId,
    /// The first of those that were opened from one another: this one itself, where somebody signed in to it.
    pub family: SessionId,
}

/// A session, and the one that it was opened from.
pub type Descent = (SessionId, SessionId);

/// What was opened from one session of a family, and what was opened from that. `known` are all that are known of the family, ended
/// ones too: they lead to others that live.
///
/// A session that idled away is forgotten before those that were opened from it are over. Nobody can say any more what these come
/// from, so they are taken to come from this one.
pub fn opened_from(origin: Origin, known: &[Descent]) -> Vec<SessionId> {
    let ids: BTreeSet<SessionId> = known.iter().map(|(id, _)| *id).collect();
    let mut opened_by: BTreeMap<SessionId, Vec<SessionId>> = BTreeMap::new();
    for (id, from) in known {
        opened_by.entry(*from).or_default().push(*id);
    }
    let is_forgotten = |id: &SessionId| *id != origin.family && !ids.contains(id);
    let mut next: Vec<SessionId> = opened_by.keys().copied().filter(is_forgotten).collect();
    next.push(origin.session);
    let mut opened = Vec::new();
    while let Some(from) = next.pop() {
        let of_it = opened_by.remove(&from).unwrap_or_default();
        next.extend(&of_it);
        opened.extend(of_it);
    }
    opened
}

#[cfg(test)]
mod tests {
    use shinkofa_kernel::macros::uuid::Uuid;

    use super::*;

    fn session(number: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number))
    }

    fn opened(from: u128, known: &[(u128, u128)]) -> Vec<SessionId> {
        let known: Vec<Descent> = known.iter().map(|(id, from)| (session(*id), session(*from))).collect();
        let mut opened = opened_from(Origin { session: session(from), family: session(1) }, &known);
        opened.sort_unstable();
        opened
    }

    fn sessions<const N: usize>(numbers: [u128; N]) -> Vec<SessionId> {
        numbers.into_iter().map(session).collect()
    }

    /// 1 opened 2 and 3, 2 opened 4, which opened 5.
    const FAMILY: [(u128, u128); 4] = [(2, 1), (3, 1), (4, 2), (5, 4)];

    #[test]
    fn with_a_session_goes_what_was_opened_from_it_and_neither_its_origin_nor_what_else_came_of_that() {
        assert_eq!(opened(2, &FAMILY), sessions([4, 5]));
        assert_eq!(opened(3, &FAMILY), sessions([]));
        assert_eq!(opened(5, &FAMILY), sessions([]));
        assert_eq!(opened(1, &FAMILY), sessions([2, 3, 4, 5]));
        assert_eq!(opened(1, &[]), sessions([]));
    }

    #[test]
    fn what_was_opened_from_one_that_is_forgotten_goes_with_whichever_ends() {
        let known = [(2, 1), (3, 1), (5, 4), (6, 5)];
        for from in [1, 2, 3] {
            assert!(opened(from, &known).ends_with(&sessions([5, 6])), "{from}");
        }
        assert_eq!(opened(3, &known), sessions([5, 6]), "the family's first may be forgotten as well");
    }
}
