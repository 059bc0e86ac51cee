//! Hands one delivery over, and records that it did.
//!
//! The delivery is `sending` while the mail server has it in hand. A run that died leaves it so, and the next one hands
//! the same message over again, under the same Message-ID: a second copy can only come of a process that died between
//! the server's 250 and its own commit, or of a 250 that got lost on its way to us.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shinkofa_contracts::auth::{AccountLetterRequested, EmailVerificationRequested, LetterSecret};
use shinkofa_db::{Connection, Error, Scope, transaction};
use shinkofa_jobs::{Attempt, Failure, Job};
use shinkofa_kernel::{TenantId, defended, failpoint};

use crate::clients::{Mail, NotTaken};
use crate::db::deliveries::{self, TakenDelivery};
use crate::domain::{Addressee, DeliveryId, DeliveryState, Kind, Letterhead, Occasion, Step, Ticket};
use crate::{Notify, measures};

/// Where a test may kill the process.
pub const FAILPOINTS: &[&str] = &[BEFORE, AFTER_ACCEPT];
const BEFORE: &str = "notify.deliver.before";
const AFTER_ACCEPT: &str = "notify.deliver.after_accept";

/// How soon a delivery whose address is in doubt is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
pub struct Deliver {
    pub delivery: DeliveryId,
}

/// A delivery that is ours to hand over.
struct InHand {
    ticket: Ticket,
    occasion: Occasion,
    addressee: Addressee,
    taken: TakenDelivery,
}

enum Taken {
    InHand(Box<InHand>),
    /// It came to its end just now, unsent.
    Settled(DeliveryState),
    /// It is out of our hands.
    Nothing,
    Later,
}

impl Job for Deliver {
    const NAME: &'static str = "deliver";
    /// The delivery itself says when it is given up: a mail server may be away for days.
    const MOST_ATTEMPTS: i32 = i32::MAX;
    type State = Notify;

    async fn run(self, state: &Notify, attempt: Attempt) -> Result<(), Failure> {
        let Some(tenant) = attempt.tenant else {
            return Err(Failure::Abort(anyhow::anyhow!("the job names no tenant")));
        };
        let in_hand = match self.take(state, tenant).await? {
            Taken::Nothing | Taken::Settled(_) => return Ok(()),
            Taken::Later => return Err(Failure::Wait(LOOK_AGAIN)),
            Taken::InHand(in_hand) => in_hand,
        };
        let mail = match compose(state, &in_hand) {
            Ok(mail) => mail,
            Err(error) => return self.try_again(state, tenant, &in_hand, &format!("{error:#}")).await,
        };
        failpoint!(BEFORE);
        match state.outbox.hand_over(&mail).await {
            Ok(()) => {
                failpoint!(AFTER_ACCEPT);
                self.settle_sent(state, tenant, &mail, in_hand.ticket.kind).await
            }
            Err(NotTaken::Refused(reason)) => {
                tracing::warn!(delivery = %self.delivery, reason, "a message is refused for good");
                self.settle_failed(state, tenant, in_hand.ticket.kind, &reason).await
            }
            Err(NotTaken::Unavailable(reason)) => self.try_again(state, tenant, &in_hand, &reason).await,
        }
    }
}

impl Deliver {
    /// Decides the next step under a lock on the delivery, and records it.
    async fn take(&self, state: &Notify, tenant: TenantId) -> Result<Taken, Error> {
        let now = state.platform.clock.now();
        let scope = Scope::tenant(tenant);
        let (kind, taken) = transaction(&state.platform.database, &scope, "take_delivery", async |tx| {
            self.step(tx, tenant, now).await
        })
        .await?;
        if let (Some(kind), Taken::Settled(ends_as)) = (kind, &taken) {
            measures::settled(kind, *ends_as);
        }
        Ok(taken)
    }

    async fn step(
        &self,
        tx: &mut Connection,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<(Option<Kind>, Taken), Error> {
        let Some(taken) = deliveries::take(tx, tenant, self.delivery).await? else {
            return Ok((None, Taken::Nothing));
        };
        let ticket = ticket(self.delivery, &taken);
        let kind = Some(ticket.kind);
        let (ends_as, because) = match ticket.next_step(now) {
            Step::Nothing => return Ok((kind, Taken::Nothing)),
            Step::Wait => return Ok((kind, Taken::Later)),
            Step::Suppress(why) => (DeliveryState::Suppressed, why.to_string()),
            Step::GiveUp => {
                let because = taken.reason.as_deref().unwrap_or("nobody took it");
                (DeliveryState::Failed, format!("given up: {because}"))
            }
            Step::HandOver => {
                // A tenant that auth's feed has not described yet has no name and no time to write in.
                let (Some(occasion), Some(addressee), Some(_)) =
                    (ticket.occasion.clone(), ticket.addressee.clone(), taken.studio.as_ref())
                else {
                    return Ok((kind, Taken::Later));
                };
                deliveries::begin_sending(tx, tenant, self.delivery).await?;
                return Ok((kind, Taken::InHand(Box::new(InHand { ticket, occasion, addressee, taken }))));
            }
        };
        deliveries::settle_unsent(tx, (tenant, self.delivery), ends_as, &because, now).await?;
        Ok((kind, Taken::Settled(ends_as)))
    }

    async fn settle_sent(
        &self,
        state: &Notify,
        tenant: TenantId,
        mail: &Mail,
        kind: Kind,
    ) -> Result<(), Failure> {
        let now = state.platform.clock.now();
        let sent = transaction(&state.platform.database, &Scope::tenant(tenant), "settle_sent", async |tx| {
            let id = (tenant, self.delivery);
            deliveries::settle_sent(tx, id, &mail.to.email, &mail.letter.subject, now)
                .await
                .map_err(Error::from)
        })
        .await?;
        if sent {
            measures::settled(kind, DeliveryState::Sent);
        }
        Ok(())
    }

    async fn settle_failed(
        &self,
        state: &Notify,
        tenant: TenantId,
        kind: Kind,
        reason: &str,
    ) -> Result<(), Failure> {
        let now = state.platform.clock.now();
        let failed =
            transaction(&state.platform.database, &Scope::tenant(tenant), "settle_failed", async |tx| {
                let id = (tenant, self.delivery);
                deliveries::settle_unsent(tx, id, DeliveryState::Failed, reason, now)
                    .await
                    .map_err(Error::from)
            })
            .await?;
        if failed {
            measures::settled(kind, DeliveryState::Failed);
        }
        Ok(())
    }

    async fn try_again(
        &self,
        state: &Notify,
        tenant: TenantId,
        in_hand: &InHand,
        reason: &str,
    ) -> Result<(), Failure> {
        transaction(&state.platform.database, &Scope::tenant(tenant), "postpone_delivery", async |tx| {
            deliveries::postpone(tx, tenant, self.delivery, reason).await.map_err(Error::from)
        })
        .await?;
        measures::retried(in_hand.ticket.kind);
        Err(Failure::Retry(anyhow::anyhow!("{reason}")))
    }
}

fn ticket(id: DeliveryId, taken: &TakenDelivery) -> Ticket {
    let addressee = match (&taken.email, taken.locale) {
        (Some(email), Some(locale)) => {
            Some(Addressee { email: email.clone(), name: taken.name.clone(), locale })
        }
        _ => None,
    };
    Ticket {
        id,
        kind: taken.kind,
        state: taken.state,
        // Written by this service; what a newer one wrote is left to it.
        occasion: taken.occasion.clone().and_then(|occasion| serde_json::from_value(occasion).ok()),
        addressee,
        wanted: taken.wanted,
        pending_since: taken.pending_since.unwrap_or(taken.created_at),
    }
}

fn compose(state: &Notify, in_hand: &InHand) -> anyhow::Result<Mail> {
    let InHand { ticket, occasion, addressee, taken } = in_hand;
    let secret = taken.sealed_token.as_deref().map(|sealed| open(state, occasion, sealed)).transpose()?;
    let LetterSecret { link_token, code } = secret.unwrap_or_default();
    let link = match (occasion.page(), link_token) {
        (Some(page), Some(token)) => Some(link(state, page, &token)?),
        _ => None,
    };
    let head = Letterhead {
        studio: taken.studio.as_deref().unwrap_or_default(),
        zone: Notify::zone(taken.time_zone.as_deref().unwrap_or_default()),
        written_at: taken.created_at,
        link: link.as_deref(),
        code: code.as_deref(),
    };
    let letter = state.templates.write(&head, occasion, addressee)?;
    Ok(Mail { id: ticket.id, to: addressee.clone(), letter, written_at: taken.created_at })
}

/// What auth sealed for the reader of the letter.
fn open(state: &Notify, occasion: &Occasion, sealed: &str) -> anyhow::Result<LetterSecret> {
    if let Occasion::EmailVerification { .. } = occasion {
        let token = state.delivery_key.open(EmailVerificationRequested::SEALED_FOR, sealed)?;
        return Ok(LetterSecret { link_token: Some(String::from_utf8(token)?), code: None });
    }
    let json = state.delivery_key.open(AccountLetterRequested::SEALED_FOR, sealed)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Built from the installation's own address alone. The token, base64url as auth wrote it, stands in the fragment, which
/// browsers send to nobody.
fn link(state: &Notify, page: &str, token: &str) -> anyhow::Result<String> {
    anyhow::ensure!(is_base64url(token), "what was sealed is no token");
    let mut link = state.platform.settings.public_url.join(page)?;
    if defended!("V22-fragment") {
        link.set_fragment(Some(&format!("token={token}")));
    } else {
        link.set_query(Some(&format!("token={token}")));
    }
    Ok(link.into())
}

fn is_base64url(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
