//! Everything the stand-in remembers, and the one way to change it.

mod draft;
mod journal;
mod record;
mod shelf;
mod world;

pub use draft::Draft;
pub use journal::JournalFault;
pub use record::StoredReply;
pub use world::World;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use journal::Journal;

use crate::clock::{Instant, WallClock};
use crate::domain::event::Origin;
use crate::domain::ids::{IdSource, Minted};

/// Holds the world behind a lock; every change is a commit that is in the journal before it shows.
pub struct Store {
    inner: Mutex<Inner>,
    wall: WallClock,
    /// Called after a commit that left something to deliver.
    wake: Box<dyn Fn() + Send + Sync>,
    sends_webhooks: bool,
}

struct Inner {
    world: World,
    journal: Journal,
    ids: IdSource,
}

/// How sure a commit must be before it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// On disk: what a caller is told must survive a kill.
    Synced,
    /// Written, but the disk may take its time: losing it only repeats a delivery.
    Lazy,
}

impl Store {
    /// Reads what an earlier process left in `folder`.
    pub fn open(
        folder: Option<&Path>,
        wall: WallClock,
        ids: IdSource,
        sends_webhooks: bool,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, JournalFault> {
        let mut world = World::default();
        let journal = Journal::open(folder, &mut world)?;
        Ok(Self {
            inner: Mutex::new(Inner { world, journal, ids }),
            wall,
            wake: Box::new(wake),
            sends_webhooks,
        })
    }

    /// The wall time in seconds, untouched by what tests have advanced. Signatures carry this one,
    /// because their receiver compares it with a clock of its own.
    pub fn wall_seconds(&self) -> i64 {
        (self.wall)().div_euclid(1000)
    }

    /// An id for something that is not kept.
    pub fn mint<I: Minted>(&self) -> I {
        self.lock().ids.mint()
    }

    /// Looks at the world as it is now. Sessions whose time has come are expired first.
    pub fn read<T>(&self, look: impl FnOnce(&World, Instant) -> T) -> Result<T, JournalFault> {
        let mut inner = self.lock();
        self.expire_due(&mut inner)?;
        let now = self.now(&inner);
        Ok(look(&inner.world, now))
    }

    /// Changes the world, or leaves it whole as it was when `work` refuses.
    pub fn commit<T, E: From<JournalFault>>(
        &self,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.commit_with(Durability::Synced, work)
    }

    pub fn commit_with<T, E: From<JournalFault>>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut inner = self.lock();
        self.expire_due(&mut inner)?;
        self.commit_locked(&mut inner, durability, work)
    }

    /// Forgets everything, on disk too.
    pub fn clear(&self) -> Result<(), JournalFault> {
        let mut inner = self.lock();
        inner.journal.clear()?;
        inner.world = World::default();
        Ok(())
    }

    fn commit_locked<T, E: From<JournalFault>>(
        &self,
        inner: &mut Inner,
        durability: Durability,
        work: impl FnOnce(&mut Draft<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let now = self.now(inner);
        let mut draft = Draft::new(&inner.world, &mut inner.ids, now, self.sends_webhooks);
        let outcome = work(&mut draft)?;
        let writes = draft.into_writes();
        if !writes.is_empty() {
            inner.journal.append(&writes, durability)?;
            writes.into_iter().for_each(|write| inner.world.apply(write));
            (self.wake)();
        }
        Ok(outcome)
    }

    fn expire_due(&self, inner: &mut Inner) -> Result<(), JournalFault> {
        let now = self.now(inner).seconds();
        let due = inner.world.sessions_due(now);
        if due.is_empty() {
            return Ok(());
        }
        self.commit_locked(inner, Durability::Synced, |draft| {
            for session in due {
                // Only an open session is due, so there is no other transition to report.
                if let Ok(expired) = session.expire() {
                    draft.put_expired(expired, &Origin::default());
                }
            }
            Ok(())
        })
    }

    fn now(&self, inner: &Inner) -> Instant {
        Instant { millis: (self.wall)() + inner.world.advanced_seconds() * 1000 }
    }

    /// A panic inside a commit leaves the world untouched, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
