//! Opening a Checkout Session in two transactions, so that a crash between them loses nothing.
//!
//! The first writes down the payment and that Stripe will be asked, and enqueues the repair. Then Stripe is asked, under
//! a key that is the payment's own. The second stores the answer. Whoever finds the first without the second asks again
//! under the same key and gets the same session.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use shinkofa_contracts::{PackageId, PaymentId};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_kernel::{TenantId, UserId, failpoint};
use shinkofa_web::Fault;
use shinkofa_web::idempotency::{self, Operation, Refusal};
use utoipa::ToSchema;

use crate::Credits;
use crate::clients::stripe::{Checkout, StripeFault};
use crate::db::payments::{self, CallOutcome, Payment};
use crate::domain::payment::PaymentStatus;
use crate::error::Error;
use crate::jobs::finish_checkout::FinishCheckout;

/// What is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CheckoutRequest {
    pub(crate) package_id: PackageId,
}

/// Where the buyer pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenedCheckout {
    pub(crate) payment_id: PaymentId,
    #[schema(example = "cs_test_a1b2c3d4e5f6")]
    pub(crate) checkout_session_id: String,
    /// Send the browser there.
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_test_a1b2c3d4e5f6")]
    pub(crate) checkout_url: String,
}

/// The buyer's request as its repetitions are recognised. The repair makes the same one from the payment's row.
pub(crate) fn operation(
    (tenant, user): (TenantId, UserId),
    key: &str,
    package_id: PackageId,
) -> Result<Operation, Fault> {
    Operation::new(tenant, user, "create_checkout", key, &CheckoutRequest { package_id })
}

/// Asks Stripe for the payment's session and stores it. Asked again it answers the same.
pub(crate) async fn open(state: &Credits, payment: &Payment) -> Result<OpenedCheckout, Error> {
    if payment.status == PaymentStatus::Failed {
        return Err(Error::CheckoutRefused);
    }
    if let (Some(session_id), Some(url)) = (&payment.checkout_session_id, &payment.checkout_url) {
        return Ok(opened(payment.id, session_id, url));
    }
    match state.stripe.open_checkout(payment, &state.return_addresses(payment.id)).await {
        Ok(checkout) => record(state, payment, &checkout).await,
        Err(StripeFault::Refused(reason)) => {
            tracing::error!(payment = %payment.id, reason, "Stripe refused a checkout");
            give_up(state, payment).await?;
            Err(Error::CheckoutRefused)
        }
        Err(StripeFault::Busy) => Err(Error::Idempotency(Refusal::StillRunning)),
        Err(fault @ (StripeFault::Unavailable(_) | StripeFault::Broken(_))) => {
            Err(Fault::dependency("stripe_unavailable", fault).into())
        }
    }
}

/// Stores the session that Stripe gave, and the answer for the buyer's repetitions.
pub(crate) async fn record(
    state: &Credits,
    payment: &Payment,
    checkout: &Checkout,
) -> Result<OpenedCheckout, Error> {
    let url = checkout.url.as_deref().or(payment.checkout_url.as_deref());
    let url = url.ok_or_else(|| Fault::unexpected("Stripe gave a session without an address"))?;
    let answer = opened(payment.id, &checkout.session_id, url);
    let operation =
        operation((payment.tenant_id, payment.user_id), &payment.request_key, payment.package_id)?;
    let scope = Scope::tenant(payment.tenant_id).with_user(payment.user_id);
    transaction(&state.platform.database, &scope, "open_checkout", async |tx| {
        let current = locked(tx, payment).await?;
        payments::attach_session(tx, &current, &checkout.session_id, checkout.url.as_deref()).await?;
        if let Some(status) = current.status.advance(PaymentStatus::Open) {
            payments::set_status(tx, &current, status).await?;
        }
        payments::finish_call(tx, &current, CallOutcome::Done, state.now()).await?;
        idempotency::complete(tx, &operation, StatusCode::CREATED, &answer).await?;
        shinkofa_jobs::cancel::<FinishCheckout>(tx, payment.id).await?;
        failpoint!("credits.open_checkout.before");
        Ok::<_, Error>(())
    })
    .await?;
    failpoint!("credits.open_checkout.after");
    Ok(answer)
}

/// The payment ends where nobody was asked for money.
pub(crate) async fn give_up(state: &Credits, payment: &Payment) -> Result<(), Error> {
    let scope = Scope::tenant(payment.tenant_id).with_user(payment.user_id);
    let failed = transaction(&state.platform.database, &scope, "give_up_checkout", async |tx| {
        let current = locked(tx, payment).await?;
        let failed = current.status == PaymentStatus::Created;
        if failed {
            payments::set_status(tx, &current, PaymentStatus::Failed).await?;
        }
        payments::finish_call(tx, &current, CallOutcome::Refused, state.now()).await?;
        shinkofa_jobs::cancel::<FinishCheckout>(tx, payment.id).await?;
        Ok::<_, Error>(failed)
    })
    .await?;
    if failed {
        crate::measures::payment(PaymentStatus::Failed, payment.price());
    }
    Ok(())
}

async fn locked(tx: &mut Connection, payment: &Payment) -> Result<Payment, Error> {
    let current = payments::lock(tx, payment.tenant_id, payment.id).await?;
    Ok(current.ok_or_else(|| Fault::unexpected(format!("payment {} is gone", payment.id)))?)
}

fn opened(payment_id: PaymentId, session_id: &str, url: &str) -> OpenedCheckout {
    OpenedCheckout { payment_id, checkout_session_id: session_id.to_owned(), checkout_url: url.to_owned() }
}
