//! The mailbox of a development installation: keeps what would have been sent.

use shinkofa_db::{Database, Error, Scope, transaction};
use shinkofa_kernel::Clock;

use super::{Mail, NotTaken};
use crate::db::mailbox::Deposit;

/// Takes mail in a transaction of its own, like the foreign system it stands for.
#[derive(Clone)]
pub struct DevelopmentMailbox {
    pub database: Database,
    pub clock: Clock,
}

impl DevelopmentMailbox {
    pub async fn hand_over(&self, mail: &Mail) -> Result<(), NotTaken> {
        let deposit = Deposit {
            id: mail.id,
            recipient: mail.to.email.clone(),
            subject: mail.letter.subject.clone(),
            text: mail.letter.text.clone(),
            html: mail.letter.html.clone(),
            now: self.clock.now(),
        };
        transaction(&self.database, &Scope::infrastructure(), "deposit_message", async |tx| {
            deposit.run(tx).await.map_err(Error::from)
        })
        .await
        .map_err(|_| NotTaken::Unavailable("the development mailbox cannot be written".to_owned()))
    }
}
