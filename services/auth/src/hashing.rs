//! Password hashing, no more of it at once than the machine has cores: a flood of sign-ins waits or is sent away, and
//! takes neither the memory nor the processor from everybody else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use shinkofa_kernel::defended;
use shinkofa_web::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// OWASP's cheat sheet on password storage: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Longer than this nobody waits for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A core does about fifty in a second: what waits behind so many would not get its turn in time.
const WAITING_PER_CORE: usize = 100;

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
    waiting: AtomicUsize,
    most_waiting: usize,
    /// Blocks are used again: handing 19 MiB back to the system and clearing new ones would cost a fifth of a hash.
    memory: Mutex<Vec<Vec<Block>>>,
}

/// One turn. Others wait until it is dropped.
#[derive(Debug)]
pub struct HashingTurn {
    pool: HashingPool,
    permit: Arc<OwnedSemaphorePermit>,
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
    pub fn new(cores: usize) -> Self {
        let cores = cores.max(1);
        Self(Arc::new(Turns {
            turns: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            most_waiting: cores * WAITING_PER_CORE,
            memory: Mutex::default(),
        }))
    }

    /// Waits for a turn; [`Error::Busy`] when it does not come soon.
    pub async fn turn(&self) -> Result<HashingTurn, Error> {
        let waiting = Waiting::begin(&self.0).ok_or(Error::Busy)?;
        let permit = tokio::time::timeout(LONGEST_WAIT, self.0.turns.clone().acquire_owned()).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => Ok(HashingTurn { pool: self.clone(), permit: Arc::new(permit) }),
            Ok(Err(_)) | Err(_) => Err(Error::Busy),
        }
    }
}

/// Counts those who wait, also when one of them gives up.
struct Waiting<'a>(&'a Turns);

impl<'a> Waiting<'a> {
    fn begin(turns: &'a Turns) -> Option<Self> {
        let before = turns.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(turns);
        (before < turns.most_waiting).then_some(waiting)
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
        self.on_a_blocking_thread(move |memory| hash(password.as_bytes(), salt, memory)).await?
    }

    /// Compares a password with a PHC string. Without one it takes as long, and is wrong.
    pub async fn verify(&self, password: &str, phc: Option<&str>) -> Result<Verdict, Fault> {
        if phc.is_none() && !defended!("V01") {
            return Ok(Verdict::Wrong);
        }
        let password = password.to_owned();
        let (phc, known) = (phc.unwrap_or(NOBODY).to_owned(), phc.is_some());
        let verdict =
            self.on_a_blocking_thread(move |memory| verify(password.as_bytes(), &phc, memory)).await??;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn on_a_blocking_thread<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    {
        let (pool, permit) = (self.pool.clone(), self.permit.clone());
        let done = tokio::task::spawn_blocking(move || {
            // Held by the thread: a caller that gives up does not make room before the work is over.
            let _permit = permit;
            let mut memory = pool.memory().pop().unwrap_or_default();
            let result = work(&mut memory);
            pool.memory().push(memory);
            result
        });
        done.await.map_err(Fault::unexpected)
    }
}

impl HashingPool {
    fn memory(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
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
        let pool = HashingPool::new(1);
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
        let pool = HashingPool::new(1);
        let turn = pool.turn().await.unwrap();
        assert!(matches!(pool.turn().await, Err(Error::Busy)));
        drop(turn);
        assert!(pool.turn().await.is_ok());
    }
}
