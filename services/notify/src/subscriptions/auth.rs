//! Auth's feed: who people are, and the letters about their accounts.

use shinkofa_contracts::Event;
use shinkofa_contracts::auth::{
    self, AccountLetterRequested, EmailVerificationRequested, SignupForKnownAddress, UserChanged,
};
use shinkofa_db::Connection;
use shinkofa_feed::{ApplyError, Subscriber};
use shinkofa_kernel::Clock;

use super::record::{Address, Notice, enqueue, record, tenant_of};
use crate::db::contacts::SaveContact;
use crate::db::deliveries;
use crate::domain::Occasion;

#[derive(Clone)]
pub struct AuthEvents {
    pub clock: Clock,
}

impl Subscriber for AuthEvents {
    fn feed(&self) -> &'static str {
        auth::SERVICE
    }

    fn concerns(&self, event: &Event) -> bool {
        event.is::<UserChanged>()
            || event.is::<EmailVerificationRequested>()
            || event.is::<SignupForKnownAddress>()
            || event.is::<AccountLetterRequested>()
    }

    async fn apply(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        if event.is::<UserChanged>() {
            self.save_contact(tx, event).await
        } else if event.is::<EmailVerificationRequested>() {
            self.send_link(tx, event).await
        } else if event.is::<SignupForKnownAddress>() {
            self.warn_owner(tx, event).await
        } else if event.is::<AccountLetterRequested>() {
            self.send_account_letter(tx, event).await
        } else {
            Ok(())
        }
    }
}

impl AuthEvents {
    /// Saves the contact, and lets go what waited for it.
    async fn save_contact(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        let (tenant, now) = (tenant_of(event)?, self.clock.now());
        let user: UserChanged = event.payload::<UserChanged>()?;
        // Erased in place: whoever it was has been forgotten.
        let Some(personal) = event.personal::<UserChanged>()? else { return Ok(()) };
        let contact = SaveContact {
            tenant,
            person: user.user_id,
            new_email: personal.email,
            new_name: personal.name,
            new_locale: user.locale,
            verified: user.email_verified,
            now,
        };
        contact.run(tx).await?;
        if user.email_verified {
            for delivery in deliveries::release(tx, tenant, user.user_id, now).await? {
                enqueue(tx, &self.clock, tenant, delivery).await?;
            }
        }
        Ok(())
    }

    async fn send_link(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        let request = event.payload::<EmailVerificationRequested>()?;
        let Some(personal) = event.personal::<EmailVerificationRequested>()? else { return Ok(()) };
        let notice = Notice {
            person: request.user_id,
            occasion: Occasion::EmailVerification { expires_at: request.expires_at },
            address: Address::OfEvent { email: personal.email, locale: request.locale },
            sealed_token: Some(request.sealed_token),
        };
        record(tx, &self.clock, event, notice).await
    }

    async fn warn_owner(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        let signup = event.payload::<SignupForKnownAddress>()?;
        let Some(personal) = event.personal::<SignupForKnownAddress>()? else { return Ok(()) };
        let notice = Notice {
            person: signup.user_id,
            occasion: Occasion::SignupKnownAddress,
            address: Address::OfEvent { email: personal.email, locale: signup.locale },
            sealed_token: None,
        };
        record(tx, &self.clock, event, notice).await
    }

    async fn send_account_letter(&self, tx: &mut Connection, event: &Event) -> Result<(), ApplyError> {
        let request = event.payload::<AccountLetterRequested>()?;
        let Some(personal) = event.personal::<AccountLetterRequested>()? else { return Ok(()) };
        let notice = Notice {
            person: request.user_id,
            occasion: Occasion::Account { letter: request.letter, place: personal.place },
            address: Address::OfEvent { email: personal.contact.email, locale: request.locale },
            sealed_token: request.sealed_secret,
        };
        record(tx, &self.clock, event, notice).await
    }
}
