//! The bare hash: the same crate and the same parameters as auth's, on every processor and with nothing around it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::load::{Measured, in_microseconds};

/// What auth hashes with: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const OUTPUT: usize = 32;
const SALT: &[u8; 16] = b"the bench's salt";

/// What one turn at hashing takes.
pub const MEMORY_BYTES: u64 = MEMORY_KIB as u64 * 1024;

/// The hash of a password as auth keeps it.
pub fn phc(password: &str) -> Result<String> {
    let output = Hasher::new()?.hash(password)?;
    Ok(format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
        STANDARD_NO_PAD.encode(SALT),
        STANDARD_NO_PAD.encode(output)
    ))
}

/// Hashes on as many threads as there are processors until the time is over.
pub async fn ceiling(password: &'static str, duration: Duration) -> Result<Measured> {
    tokio::task::spawn_blocking(move || on_every_processor(password, duration)).await?
}

fn on_every_processor(password: &str, duration: Duration) -> Result<Measured> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut hashers = (0..threads).map(|_| Hasher::new()).collect::<Result<Vec<_>>>()?;
    // The memory is there before the clock starts, as it is in a process that has hashed before.
    for hasher in &mut hashers {
        hasher.hash(password)?;
    }
    let began = Instant::now();
    let times = std::thread::scope(|scope| {
        let running: Vec<_> = hashers
            .into_iter()
            .map(|hasher| scope.spawn(move || again_and_again(hasher, password, began, duration)))
            .collect();
        let ended = running.into_iter().map(|thread| {
            thread.join().map_err(|_| anyhow!("a hashing thread panicked")).and_then(std::convert::identity)
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    Ok(Measured { elapsed: began.elapsed(), microseconds: times.concat(), ..Measured::default() })
}

fn again_and_again(
    mut hasher: Hasher,
    password: &str,
    began: Instant,
    duration: Duration,
) -> Result<Vec<u32>> {
    let mut times = Vec::new();
    while began.elapsed() < duration {
        let started = Instant::now();
        std::hint::black_box(hasher.hash(password)?);
        times.push(in_microseconds(started.elapsed()));
    }
    Ok(times)
}

/// Keeps its memory from hash to hash, as auth does.
struct Hasher {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Hasher {
    fn new() -> Result<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT))
            .map_err(|fault| anyhow!("the parameters of the hash: {fault}"))?;
        let memory = vec![Block::default(); params.block_count()];
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), memory })
    }

    fn hash(&mut self, password: &str) -> Result<[u8; OUTPUT]> {
        let mut output = [0; OUTPUT];
        self.argon2
            .hash_password_into_with_memory(
                password.as_bytes(),
                SALT,
                &mut output,
                self.memory.as_mut_slice(),
            )
            .map_err(|fault| anyhow!("{fault}"))
            .context("hashing")?;
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_as_auth_writes_it() {
        let phc = phc("a password").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$dGhlIGJlbmNoJ3Mgc2FsdA$"), "{phc}");
        assert_eq!(phc.rsplit('$').next().map(str::len), Some(43), "32 bytes without padding: {phc}");
    }
}
