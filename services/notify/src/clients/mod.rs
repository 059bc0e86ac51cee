//! Where messages go: a mail server, or the mailbox of a development installation.

mod mailbox;
mod smtp;

use chrono::{DateTime, Utc};

pub use mailbox::DevelopmentMailbox;
pub use smtp::SmtpRelay;

use crate::domain::{Addressee, DeliveryId, Letter};

/// A letter in its envelope.
#[derive(Clone, Debug)]
pub struct Mail {
    pub id: DeliveryId,
    pub to: Addressee,
    pub letter: Letter,
    pub written_at: DateTime<Utc>,
}

/// Whoever takes the mail off our hands.
#[derive(Clone)]
pub enum Outbox {
    Smtp(Box<SmtpRelay>),
    Mailbox(DevelopmentMailbox),
}

/// Why nobody took it. The reasons carry no personal data: a server's own words often repeat the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// This message will never be taken.
    #[error("refused: {0}")]
    Refused(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

impl Outbox {
    /// Hands `mail` over, and returns once the other side has answered for it.
    pub async fn hand_over(&self, mail: &Mail) -> Result<(), NotTaken> {
        match self {
            Self::Smtp(relay) => relay.hand_over(mail).await,
            Self::Mailbox(mailbox) => mailbox.hand_over(mail).await,
        }
    }
}
