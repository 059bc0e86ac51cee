//! The one place that draws random bytes.

use aws_lc_rs::rand;
use shinkofa_web::Fault;

/// Randomness fit for keys and tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Randomness;

impl Randomness {
    pub fn bytes<const N: usize>(self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        rand::fill(&mut bytes).map_err(|_| Fault::unexpected("the system gives no random bytes"))?;
        Ok(bytes)
    }
}
