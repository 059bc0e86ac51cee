//! One look at a password at a time for each subject of the lock: of many guesses made at once, none is compared before the one
//! ahead of it is counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::device::Digest;
use crate::error::Error;
use crate::hashing::LONGEST_WAIT;

/// Whose passwords are being compared in this process.
#[derive(Clone, Debug, Default)]
pub struct Guesses(Arc<Subjects>);

#[derive(Debug, Default)]
struct Subjects {
    compared: Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<()>>>>,
    counted: AtomicU64,
}

/// What has been counted so far. Whatever was read of the lock after this was taken is true as long as it stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted(u64);

/// Nobody else's guess at this subject is compared until it is dropped.
#[derive(Debug)]
pub struct Alone {
    _held: OwnedMutexGuard<()>,
    // Dropped after what is held.
    _place: Place,
}

impl Guesses {
    pub fn counted(&self) -> Counted {
        Counted(self.0.counted.load(Ordering::Acquire))
    }

    /// A failure was written, whosever it was.
    pub fn count(&self) {
        self.0.counted.fetch_add(1, Ordering::Release);
    }

    /// Waits until no other guess at this subject is being compared; [`Error::Busy`] when that takes too long.
    pub async fn alone(&self, subject: &Digest) -> Result<Alone, Error> {
        let place = Place::of(&self.0, subject);
        let held = tokio::time::timeout(LONGEST_WAIT, place.turn.clone().lock_owned()).await;
        Ok(Alone { _held: held.map_err(|_elapsed| Error::Busy)?, _place: place })
    }
}

impl Subjects {
    fn compared(&self) -> MutexGuard<'_, HashMap<Digest, Arc<tokio::sync::Mutex<()>>>> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue of one subject, also for somebody who gives up. The last one to leave takes the queue away.
#[derive(Debug)]
struct Place {
    subjects: Arc<Subjects>,
    subject: Digest,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Place {
    fn of(subjects: &Arc<Subjects>, subject: &Digest) -> Self {
        let turn = subjects.compared().entry(*subject).or_default().clone();
        Self { subjects: subjects.clone(), subject: *subject, turn }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut compared = self.subjects.compared();
        // The map's own, and this one.
        if Arc::strong_count(&self.turn) == 2 {
            compared.remove(&self.subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_one_subject_one_is_compared_at_a_time_and_others_do_not_wait_for_it() {
        let guesses = Guesses::default();
        let first = guesses.alone(&[1; 32]).await.unwrap();
        let mut second = Box::pin(guesses.alone(&[1; 32]));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(guesses.alone(&[2; 32]).await.unwrap());
        drop(first);
        drop(second.await.unwrap());
        assert!(guesses.0.compared().is_empty());
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_nothing_behind() {
        let guesses = Guesses::default();
        let first = guesses.alone(&[1; 32]).await.unwrap();
        let mut second = Box::pin(guesses.alone(&[1; 32]));
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        drop(second);
        assert_eq!(guesses.0.compared().len(), 1);
        drop(first);
        assert!(guesses.0.compared().is_empty());
    }
}
