//! Bringing a payment to what Stripe shows: the one place where money becomes credits.

use shinkofa_contracts::credits::PaymentPaid;
use shinkofa_contracts::{LotId, PaymentId};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_feed::Occurrence;
use shinkofa_kernel::{Actor, TenantId, failpoint};
use shinkofa_web::Fault;

use crate::clients::stripe::Checkout;
use crate::db::payments::{self, Payment};
use crate::db::wallets::{Grant, LotSource};
use crate::db::{ledger, wallets};
use crate::domain::lot;
use crate::domain::payment::{PaymentStatus, charged_in_full};
use crate::error::Error;
use crate::{Credits, measures};

/// What settling came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The payment is now in this status.
    Became(PaymentStatus),
    Unchanged,
    /// There is no such payment here.
    Unknown,
    /// The session is another payment's, or another amount was charged: a person has to look.
    Contradiction,
}

/// Applies what Stripe showed. Any number of calls in any order, also at once, end in the same state and one lot.
pub(crate) async fn settle(
    state: &Credits,
    (tenant, id): (TenantId, PaymentId),
    checkout: &Checkout,
) -> Result<Settled, Error> {
    let (settled, payment) =
        transaction(&state.platform.database, &Scope::tenant(tenant), "settle_payment", async |tx| {
            let Some(payment) = payments::lock(tx, tenant, id).await? else {
                return Ok((Settled::Unknown, None));
            };
            let settled = apply(state, tx, &payment, checkout).await?;
            failpoint!("credits.settle_payment.before");
            Ok::<_, Error>((settled, Some(payment)))
        })
        .await?;
    failpoint!("credits.settle_payment.after");
    if let (Settled::Became(status), Some(payment)) = (settled, payment) {
        state.platform.committed();
        measures::payment(status, payment.price());
        if status == PaymentStatus::Paid {
            measures::credits("credits_granted_total", payment.credits);
        }
    }
    Ok(settled)
}

async fn apply(
    state: &Credits,
    tx: &mut Connection,
    payment: &Payment,
    checkout: &Checkout,
) -> Result<Settled, Error> {
    let own_session = payment.checkout_session_id.as_ref().is_none_or(|own| *own == checkout.session_id);
    if checkout.payment != Some((payment.tenant_id, payment.id)) || !own_session {
        return Ok(Settled::Contradiction);
    }
    let Some(status) = payment.status.advance(checkout.state.target()) else { return Ok(Settled::Unchanged) };
    if status == PaymentStatus::Paid
        && !charged_in_full(payment.price(), checkout.amount, checkout.currency.as_deref())
    {
        return Ok(Settled::Contradiction);
    }
    payments::attach_session(tx, payment, &checkout.session_id, checkout.url.as_deref()).await?;
    if status == PaymentStatus::Paid {
        grant(state, tx, payment).await?;
    } else {
        payments::set_status(tx, payment, status).await?;
    }
    Ok(Settled::Became(status))
}

/// The lot, the wallet, both sides of the journal, and the event that tells the others.
async fn grant(state: &Credits, tx: &mut Connection, payment: &Payment) -> Result<(), Error> {
    let clock = &state.platform.clock;
    let (now, journal, lot_id) = (clock.now(), clock.new_uuid(), LotId::new(clock));
    let expires_at = lot::expiry(now, payment.validity_days);
    let lot = Grant {
        tenant: payment.tenant_id,
        user: payment.user_id,
        lot: lot_id,
        source: LotSource::Payment,
        reference: payment.id.to_string(),
        credits: payment.credits,
        expires_at,
    };
    if !wallets::grant(tx, &lot, (journal, now)).await? {
        return Err(Fault::unexpected(format!("payment {} has a lot and is not paid", payment.id)).into());
    }
    ledger::book_payment(tx, payment.tenant_id, journal, payment.price()).await?;
    payments::set_paid(tx, payment, lot_id, now).await?;
    let event = PaymentPaid {
        payment_id: payment.id,
        user_id: payment.user_id,
        package_id: payment.package_id,
        package_name: payment.package_name.clone(),
        credits: payment.credits,
        amount_minor: payment.amount_minor,
        currency: payment.currency,
        lot_id,
        expires_at,
    };
    let occurrence =
        Occurrence { clock, tenant: Some(payment.tenant_id), actor: Actor::user(payment.user_id) };
    shinkofa_feed::append(tx, &occurrence, payment.id.as_uuid(), &event, None).await?;
    Ok(())
}
