//! Password hashing, no more of it at once than the machine has cores: a flood of sign-ins waits or is sent away, and
//! takes neither the memory nor the processor from everybody else.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use rayon::{ThreadPool, ThreadPoolBuilder};
use shinkofa_kernel::defended;
use shinkofa_web::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::Error;

/// OWASP's cheat sheet on password storage: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer than this nobody waits for a turn.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Whoever is likely to wait longer than this does not wait at all. Less than the longest wait, so that those who do wait hardly
/// ever do so in vain.
const LONGEST_EXPECTED: Duration = Duration::from_millis(1_500);
/// What a turn is taken to last before one was measured: a core does about fifty hashes in a second.
const LASTS_AT_FIRST: Duration = Duration::from_millis(20);
/// A hash keeps a processor for as long as hundreds of other requests take together, and is in no hurry.
const NICENESS: i32 = 5;

/// Checked for an address without an account, so that the answer takes as long as for one with an account. Nobody knows a
/// password for it: its output was drawn, not computed.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2hpbmtvZmEtbm9ib2R5IQ$pS8mXcUvJ0o1s9Yw2cVbq3r6kL4tHn7eFzGdA5xQyBI";

/// Hands out turns at hashing.
#[derive(Clone, Debug)]
pub struct HashingPool(Arc<Turns>);

#[derive(Debug)]
struct Turns {
    turns: Arc<Semaphore>,
    cores: usize,
    waiting: AtomicUsize,
    pace: Pace,
    threads: ThreadPool,
    /// Blocks are used again: handing 19 MiB back to the system and clearing new ones would cost a fifth of a hash.
    memory: Mutex<Vec<Vec<Block>>>,
}

/// One turn. Others wait until it is dropped.
#[derive(Debug)]
pub struct HashingTurn(Arc<Held>);

#[derive(Debug)]
struct Held {
    pool: HashingPool,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.0.pace.learn(self.since.elapsed());
    }
}

/// What a presented password is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    /// Right, but hashed under other parameters than today's.
    RightButOutdated,
    Wrong,
}

impl HashingPool {
    pub fn new(cores: usize) -> anyhow::Result<Self> {
        let cores = cores.max(1);
        let threads = ThreadPoolBuilder::new()
            .num_threads(cores)
            .thread_name(|number| format!("hashing-{number}"))
            .start_handler(|_| make_way())
            .panic_handler(|_| tracing::error!("a password could not be hashed: the thread panicked"))
            .build()?;
        Ok(Self(Arc::new(Turns {
            turns: Arc::new(Semaphore::new(cores)),
            cores,
            waiting: AtomicUsize::new(0),
            pace: Pace::default(),
            threads,
            memory: Mutex::default(),
        })))
    }

    /// [`Error::Busy`] when whoever comes now would not get a turn in time: nothing else is done for them in vain.
    pub fn require_room(&self) -> Result<(), Error> {
        if self.0.has_room_behind(self.0.waiting.load(Ordering::Relaxed)) { Ok(()) } else { Err(Error::Busy) }
    }

    /// Waits for a turn; [`Error::Busy`] when it does not come soon.
    pub async fn turn(&self) -> Result<HashingTurn, Error> {
        let waiting = Waiting::begin(&self.0).ok_or(Error::Busy)?;
        let permit = tokio::time::timeout(LONGEST_WAIT, self.0.turns.clone().acquire_owned()).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => {
                let held = Held { pool: self.clone(), since: Instant::now(), _permit: permit };
                Ok(HashingTurn(Arc::new(held)))
            }
            Ok(Err(_)) | Err(_) => Err(Error::Busy),
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// This thread's work gives way to what answers requests.
fn make_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "hashing does not give way to other requests");
    }
}

impl Turns {
    /// Would somebody who has so many before them have their turn in time?
    fn has_room_behind(&self, waiting: usize) -> bool {
        let turns = u32::try_from(waiting / self.cores).unwrap_or(u32::MAX);
        self.pace.of_one().saturating_mul(turns) < LONGEST_EXPECTED
    }
}

/// How long a turn lasts these days, in microseconds: a mean of the last few. Zero until there was one.
#[derive(Debug, Default)]
struct Pace(AtomicU32);

impl Pace {
    fn of_one(&self) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            0 => LASTS_AT_FIRST,
            mean => Duration::from_micros(mean.into()),
        }
    }

    /// Of two at once one may be lost; the next one tells the same.
    fn learn(&self, lasted: Duration) {
        let lasted = u32::try_from(lasted.as_micros()).unwrap_or(u32::MAX).max(1);
        let mean = match self.0.load(Ordering::Relaxed) {
            0 => lasted,
            mean => mean - mean / 8 + lasted / 8,
        };
        self.0.store(mean, Ordering::Relaxed);
    }
}

/// Counts those who wait, also when one of them gives up.
struct Waiting<'a>(&'a Turns);

impl<'a> Waiting<'a> {
    fn begin(turns: &'a Turns) -> Option<Self> {
        let before = turns.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(turns);
        turns.has_room_behind(before).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HashingTurn {
    /// The PHC string of a password under today's parameters.
    pub async fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, Fault> {
        let password = password.to_owned();
        self.on_a_hashing_thread(move |memory| hash(password.as_bytes(), salt, memory)).await?
    }

    /// Compares a password with a PHC string. Without one it takes as long, and is wrong.
    pub async fn verify(&self, password: &str, phc: Option<&str>) -> Result<Verdict, Fault> {
        if phc.is_none() && !defended!("V01") {
            return Ok(Verdict::Wrong);
        }
        let password = password.to_owned();
        let (phc, known) = (phc.unwrap_or(NOBODY).to_owned(), phc.is_some());
        let verdict =
            self.on_a_hashing_thread(move |memory| verify(password.as_bytes(), &phc, memory)).await??;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn on_a_hashing_thread<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    {
        // Held by the thread as well: a caller that gives up does not make room before the work is over.
        let held = self.0.clone();
        let (tell, told) = oneshot::channel();
        self.0.pool.0.threads.spawn(move || {
            let mut memory = held.pool.memory().pop().unwrap_or_default();
            let result = work(&mut memory);
            held.pool.memory().push(memory);
            // Whoever asked may have gone.
            let _ = tell.send(result);
        });
        told.await.map_err(Fault::unexpected)
    }
}

fn todays_parameters() -> Result<Params, Fault> {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(Fault::unexpected)
}

fn hash(password: &[u8], salt: [u8; 16], memory: &mut Vec<Block>) -> Result<String, Fault> {
    let params = todays_parameters()?;
    let output = compute((Algorithm::Argon2id, Version::V0x13, &params), password, &salt, memory)?;
    let hash = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(Fault::unexpected)?,
        salt: Some(Salt::new(&salt).map_err(Fault::unexpected)?),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

fn verify(password: &[u8], phc: &str, memory: &mut Vec<Block>) -> Result<Verdict, Fault> {
    let stored = PasswordHash::new(phc).map_err(Fault::unexpected)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(Fault::unexpected("a stored password hash has no salt or no output"));
    };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(Fault::unexpected)?;
    let version = stored.version.map_or(Ok(Version::V0x13), Version::try_from).map_err(Fault::unexpected)?;
    let params = Params::try_from(&stored).map_err(Fault::unexpected)?;
    let output = compute((algorithm, version, &params), password, salt.as_ref(), memory)?;
    // Outputs compare in constant time.
    if output != expected {
        return Ok(Verdict::Wrong);
    }
    let current = algorithm == Algorithm::Argon2id
        && version == Version::V0x13
        && (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES);
    Ok(if current { Verdict::Right } else { Verdict::RightButOutdated })
}

fn compute(
    (algorithm, version, params): (Algorithm, Version, &Params),
    password: &[u8],
    salt: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Output, Fault> {
    if memory.len() < params.block_count() {
        memory.resize(params.block_count(), Block::default());
    }
    let mut buffer = [0; Output::MAX_LENGTH];
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let output = buffer.get_mut(..length).ok_or_else(|| Fault::unexpected("a password hash is too long"))?;
    Argon2::new(algorithm, version, params.clone())
        .hash_password_into_with_memory(password, salt, output, memory.as_mut_slice())
        .map_err(Fault::unexpected)?;
    Output::new(output).map_err(Fault::unexpected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_wrong_or_due_for_a_new_hash() {
        let mut memory = Vec::new();
        let phc = hash(b"a fine password", [7; 16], &mut memory).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert_eq!(verify(b"a fine password", &phc, &mut memory).unwrap(), Verdict::Right);
        assert_eq!(verify(b"a fine passwore", &phc, &mut memory).unwrap(), Verdict::Wrong);

        let params = Params::new(64, 1, 1, None).unwrap();
        let output =
            compute((Algorithm::Argon2id, Version::V0x13, &params), b"old password", &[7; 16], &mut memory)
                .unwrap();
        let outdated = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).unwrap(),
            salt: Some(Salt::new(&[7; 16]).unwrap()),
            hash: Some(output),
        };
        assert_eq!(
            verify(b"old password", &outdated.to_string(), &mut memory).unwrap(),
            Verdict::RightButOutdated
        );
    }

    /// V1: the memory of a hash is kept for the next one, so it tells that there was one.
    #[tokio::test]
    async fn v01_a_password_of_nobodys_is_hashed_like_anybody_elses() {
        let pool = HashingPool::new(1).unwrap();
        let turn = pool.turn().await.unwrap();
        assert_eq!(turn.verify("anything at all", None).await.unwrap(), Verdict::Wrong);
        let blocks: Vec<usize> = pool.memory().iter().map(Vec::len).collect();
        assert_eq!(blocks, [todays_parameters().unwrap().block_count()]);
    }

    #[test]
    fn an_address_without_an_account_costs_the_same_hash() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(params.output_len(), Some(Params::DEFAULT_OUTPUT_LEN));
        assert_eq!(verify(b"anything at all", NOBODY, &mut Vec::new()).unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn turns_are_as_many_as_cores_and_come_back() {
        let pool = HashingPool::new(1).unwrap();
        let turn = pool.turn().await.unwrap();
        assert!(matches!(pool.turn().await, Err(Error::Busy)));
        drop(turn);
        assert!(pool.turn().await.is_ok());
    }

    #[tokio::test]
    async fn whoever_would_wait_too_long_is_sent_away_at_once() {
        let pool = HashingPool::new(2).unwrap();
        // Two turns of a second each come before whoever is next.
        pool.0.pace.learn(Duration::from_secs(1));
        let _both = (pool.turn().await.unwrap(), pool.turn().await.unwrap());
        let before = [(); 4].map(|()| Waiting::begin(&pool.0).unwrap());
        assert!(matches!(pool.require_room(), Err(Error::Busy)));
        assert!(matches!(pool.turn().await, Err(Error::Busy)));
        assert_eq!(pool.0.waiting.load(Ordering::Relaxed), before.len());
        drop(before);
        assert!(pool.require_room().is_ok());
    }

    #[test]
    fn the_pace_follows_what_turns_last() {
        let pace = Pace::default();
        assert_eq!(pace.of_one(), LASTS_AT_FIRST);
        pace.learn(Duration::from_millis(40));
        assert_eq!(pace.of_one(), Duration::from_millis(40));
        for _ in 0..40 {
            pace.learn(Duration::from_millis(80));
        }
        assert!(pace.of_one().abs_diff(Duration::from_millis(80)) < Duration::from_millis(1), "{pace:?}");
    }

    #[tokio::test]
    async fn a_hash_that_panics_is_an_error_and_takes_no_turn_with_it() {
        let pool = HashingPool::new(1).unwrap();
        let turn = pool.turn().await.unwrap();
        let panicking = turn.on_a_hashing_thread(|_| -> () { panic!("as if argon2 had a bug") }).await;
        assert!(panicking.is_err());
        drop(turn);
        let turn = pool.turn().await.unwrap();
        assert_eq!(turn.verify("anything at all", None).await.unwrap(), Verdict::Wrong);
    }
}
