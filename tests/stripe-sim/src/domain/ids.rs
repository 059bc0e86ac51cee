//! The ids of Stripe's objects and where new ones come from.

use std::fmt;

use rand::RngExt;
#[cfg(test)]
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

/// An id with the prefix and the length that Stripe gives to ids of its kind.
pub trait Minted {
    const PREFIX: &'static str;
    /// How many random characters follow the prefix.
    const LENGTH: usize;

    fn from_text(text: String) -> Self;
}

/// A source of fresh ids.
pub struct IdSource(StdRng);

impl IdSource {
    /// The same ids every time.
    #[cfg(test)]
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Seeded by the operating system, so that two starts never give the same id.
    pub fn from_entropy() -> Self {
        Self(rand::make_rng())
    }

    pub fn mint<I: Minted>(&mut self) -> I {
        let mut text = String::with_capacity(I::PREFIX.len() + I::LENGTH);
        text.push_str(I::PREFIX);
        text.push_str(&self.letters(I::LENGTH));
        I::from_text(text)
    }

    /// Random letters and digits, as in the tail of a client secret.
    pub fn letters(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..length).map(|_| char::from(ALPHABET[self.0.random_range(0..ALPHABET.len())])).collect()
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal + $length:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Minted for $name {
            const PREFIX: &'static str = $prefix;
            const LENGTH: usize = $length;

            fn from_text(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

ids! {
    CheckoutSessionId = "cs_test_" + 58;
    LineItemId = "li_1" + 23;
    PriceId = "price_1" + 23;
    ProductId = "prod_" + 14;
    PaymentIntentId = "pi_3" + 23;
    PaymentMethodId = "pm_1" + 23;
    ChargeId = "ch_3" + 23;
    BalanceTransactionId = "txn_3" + 23;
    RefundId = "re_3" + 23;
    CustomerId = "cus_" + 14;
    EventId = "evt_1" + 23;
    /// The id of one call, in the `Request-Id` header and in the events that the call caused.
    RequestId = "req_" + 14;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_prefix_and_length_of_its_kind_and_is_not_repeated() {
        let mut ids = IdSource::seeded(1);
        let first: CheckoutSessionId = ids.mint();
        let second: CheckoutSessionId = ids.mint();
        assert!(first.as_str().starts_with("cs_test_"));
        assert_eq!(first.as_str().len(), 66);
        assert_ne!(first, second);
    }
}
