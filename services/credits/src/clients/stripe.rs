//! Stripe's API, as far as a purchase of credits needs it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use shinkofa_contracts::PaymentId;
use shinkofa_kernel::TenantId;
use stripe::{
    ApiErrorsCode, ApiErrorsType, Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError,
    StripeRequest as _,
};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionPaymentIntentData, ListCheckoutSession, ProductData, RetrieveCheckoutSession,
};
use stripe_checkout::{
    CheckoutSession, CheckoutSessionMode, CheckoutSessionPaymentStatus, CheckoutSessionStatus,
};

use crate::db::payments::Payment;
use crate::domain::payment::{CheckoutState, Funds, SessionStage};

/// The metadata that tells our objects at Stripe from others, and leads back from them.
pub(crate) const PAYMENT_KEY: &str = "shinkofa_payment";
pub(crate) const TENANT_KEY: &str = "shinkofa_tenant";

/// Longer than Stripe takes, shorter than a person waits.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest page that Stripe gives.
const PAGE: i64 = 100;

/// The account that payments go to.
#[derive(Clone, Debug)]
pub(crate) struct Stripe {
    client: Client,
    live: bool,
}

/// Why Stripe did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StripeFault {
    /// No answer, or one that says to come back. It may have happened.
    #[error("Stripe is unavailable: {0}")]
    Unavailable(String),
    /// The idempotency key leads nowhere any more: Stripe repeats its 500 for it, or holds another request under it. What
    /// happened has to be looked up.
    #[error("Stripe's answer to this key is lost: {0}")]
    Broken(String),
    /// A call with the same idempotency key is still running.
    #[error("the first call with this idempotency key is still running")]
    Busy,
    /// It will never happen.
    #[error("Stripe refused: {0}")]
    Refused(String),
}

/// A Checkout Session as it was when it was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    pub(crate) session_id: String,
    /// Where the payer goes; absent once there is nothing left to pay.
    pub(crate) url: Option<String>,
    /// Whose it is; absent on sessions that are none of ours.
    pub(crate) payment: Option<(TenantId, PaymentId)>,
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
    pub(crate) state: CheckoutState,
}

/// Where the payer comes back to.
#[derive(Clone, Debug)]
pub(crate) struct ReturnAddresses {
    pub(crate) success: String,
    pub(crate) cancel: String,
}

impl Stripe {
    /// `base` is absent for Stripe itself. Connects to nothing yet.
    pub(crate) fn new(secret: &SecretString, base: Option<&str>) -> Result<Self, StripeError> {
        let mut builder = ClientBuilder::new(secret.expose_secret()).timeout(TIMEOUT).app_info(
            "shinkofa",
            Some(env!("CARGO_PKG_VERSION").to_owned()),
            None,
        );
        if let Some(base) = base {
            builder = builder.url(base);
        }
        Ok(Self { client: builder.build()?, live: secret.expose_secret().contains("_live_") })
    }

    /// Does an event of this mode come from the account's own mode?
    pub(crate) fn is_of_mode(&self, live: bool) -> bool {
        self.live == live
    }

    /// Asks for the payment's session. Asked again, the same session comes back: the key is the payment's own, and
    /// everything in the request comes from the payment's row.
    pub(crate) async fn open_checkout(
        &self,
        payment: &Payment,
        addresses: &ReturnAddresses,
    ) -> Result<Checkout, StripeFault> {
        let units = payment.price().stripe_units();
        let units = units.ok_or_else(|| StripeFault::Refused("the price does not fit".to_owned()))?;
        let key = IdempotencyKey::new(payment.stripe_key())
            .map_err(|error| StripeFault::Refused(error.to_string()))?;
        let session = order(payment, units, addresses)
            .customize()
            .request_strategy(RequestStrategy::Idempotent(key))
            .send(&self.client)
            .await
            .map_err(fault)?;
        Ok(Checkout::of(&session))
    }

    /// The session as it is now; `None` when there is none of that id.
    pub(crate) async fn checkout(&self, session_id: &str) -> Result<Option<Checkout>, StripeFault> {
        let request = RetrieveCheckoutSession::new(session_id).expand(vec!["payment_intent".to_owned()]);
        match request.send(&self.client).await {
            Ok(session) => Ok(Some(Checkout::of(&session))),
            Err(StripeError::Stripe(error, 404)) if error.code == Some(ApiErrorsCode::ResourceMissing) => {
                Ok(None)
            }
            Err(error) => Err(fault(error)),
        }
    }

    /// One page of the sessions made since `since`, newest first, and where the next page starts.
    pub(crate) async fn checkouts_since(
        &self,
        since: DateTime<Utc>,
        after: Option<&str>,
    ) -> Result<(Vec<Checkout>, Option<String>), StripeFault> {
        let mut request = ListCheckoutSession::new()
            .created(stripe_types::RangeQueryTs::gte(since.timestamp()))
            .limit(PAGE)
            .expand(vec!["data.payment_intent".to_owned()]);
        if let Some(after) = after {
            request = request.starting_after(after);
        }
        let page = request.send(&self.client).await.map_err(fault)?;
        let next = page.data.last().filter(|_| page.has_more).map(|last| last.id.to_string());
        Ok((page.data.iter().map(Checkout::of).collect(), next))
    }
}

fn order(payment: &Payment, units: i64, addresses: &ReturnAddresses) -> CreateCheckoutSession {
    let code = payment.currency.code().to_ascii_lowercase();
    let Ok(currency) = code.parse::<stripe_types::Currency>();
    let mut price = CreateCheckoutSessionLineItemsPriceData::new(currency);
    price.unit_amount = Some(units);
    price.product_data = Some(ProductData::new(payment.package_name.as_str()));
    let mut item = CreateCheckoutSessionLineItems::new();
    item.quantity = Some(1);
    item.price_data = Some(price);
    let metadata = HashMap::from([
        (PAYMENT_KEY.to_owned(), payment.id.to_string()),
        (TENANT_KEY.to_owned(), payment.tenant_id.to_string()),
    ]);
    // The intent carries them too: its events then lead back to the payment as well.
    let mut intent = CreateCheckoutSessionPaymentIntentData::new();
    intent.metadata = Some(metadata.clone());
    CreateCheckoutSession::new()
        .mode(CheckoutSessionMode::Payment)
        .line_items(vec![item])
        .success_url(addresses.success.as_str())
        .cancel_url(addresses.cancel.as_str())
        .client_reference_id(payment.id.to_string())
        .metadata(metadata)
        .payment_intent_data(intent)
}

impl Checkout {
    fn of(session: &CheckoutSession) -> Self {
        let metadata = |key: &str| session.metadata.as_ref().and_then(|metadata| metadata.get(key));
        let tenant = metadata(TENANT_KEY).and_then(|text| text.parse().ok());
        let payment = metadata(PAYMENT_KEY).and_then(|text| text.parse().ok());
        Self {
            session_id: session.id.to_string(),
            url: session.url.clone(),
            payment: tenant.zip(payment),
            amount: session.amount_total,
            currency: session.currency.as_ref().map(ToString::to_string),
            state: CheckoutState { stage: stage(session), funds: funds(session) },
        }
    }
}

fn stage(session: &CheckoutSession) -> SessionStage {
    match session.status {
        Some(CheckoutSessionStatus::Complete) => SessionStage::Complete,
        Some(CheckoutSessionStatus::Expired) => SessionStage::Expired,
        // A word that we do not know yet ends nothing.
        Some(_) | None => SessionStage::Open,
    }
}

fn funds(session: &CheckoutSession) -> Funds {
    if matches!(
        session.payment_status,
        CheckoutSessionPaymentStatus::Paid | CheckoutSessionPaymentStatus::NoPaymentRequired
    ) {
        return Funds::Received;
    }
    let intent = session.payment_intent.as_ref().and_then(|intent| intent.as_object());
    match intent.map(|intent| intent.status.as_str()) {
        // After a completed session the first means that a delayed payment bounced.
        Some("requires_payment_method" | "canceled") => Funds::Refused,
        _ => Funds::Awaited,
    }
}

fn fault(error: StripeError) -> StripeFault {
    match error {
        StripeError::Stripe(error, status) => {
            let text = format!("{status} {:?} {}", error.type_, error.message.as_deref().unwrap_or_default());
            match status {
                409 => StripeFault::Busy,
                500 => StripeFault::Broken(text),
                // Our public address changed between two tries, say: the first may have opened a session.
                400 if error.type_ == ApiErrorsType::IdempotencyError => StripeFault::Broken(text),
                // A wrong key is our configuration's fault, not the purchase's.
                401 | 403 | 429 | 501.. => StripeFault::Unavailable(text),
                _ => StripeFault::Refused(text),
            }
        }
        other => StripeFault::Unavailable(other.to_string()),
    }
}
