//! `POST /api/payment/checkout`: begins a purchase and says where to pay.

use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};
use shinkofa_contracts::{PackageId, PaymentId};
use shinkofa_db::{Connection, Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::failpoint;
use shinkofa_runtime::Confirmed;
use shinkofa_web::idempotency::{self, Begin, IdempotencyKey, StoredAnswer};
use shinkofa_web::{
    Body, BodyRefusals, CallerRefusals, ConfirmedUnavailability, Fault, NotFoundRefusal, ProblemDocument,
};

use crate::Credits;
use crate::checkout::{self, CheckoutRequest, OpenedCheckout};
use crate::db::packages;
use crate::db::payments::{self, Payment};
use crate::domain::payment::PaymentStatus;
use crate::error::Error;
use crate::jobs::finish_checkout::FinishCheckout;

/// How long the request itself may take before the repair looks after it: more than Stripe is given to answer.
const REPAIR_AFTER: TimeDelta = TimeDelta::seconds(30);

/// Buy a package
///
/// Begins a purchase and opens a Checkout Session at Stripe. A repeated request answers the same session.
#[utoipa::path(
    tag = "payment",
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters.")),
    request_body = CheckoutRequest,
    security(("bearer" = [])),
    responses(
        CallerRefusals, BodyRefusals, NotFoundRefusal, ConfirmedUnavailability,
        (status = 201, body = OpenedCheckout),
        (status = 409, body = ProblemDocument, content_type = "application/problem+json", description = "`request_in_progress`"),
    ),
)]
#[post("/api/payment/checkout")]
pub(crate) async fn create_checkout(
    state: web::Data<Credits>,
    Confirmed(buyer): Confirmed<CurrentActor>,
    key: IdempotencyKey,
    body: Body<CheckoutRequest>,
) -> Result<HttpResponse, Error> {
    let (owner, package_id) = ((buyer.tenant_id, buyer.user_id), body.0.package_id);
    let operation = checkout::operation(owner, key.as_str(), package_id)?;
    let scope = Scope::tenant(buyer.tenant_id).with_user(buyer.user_id);
    let begun = transaction(&state.platform.database, &scope, "begin_checkout", async |tx| {
        let begun = idempotency::begin(tx, &operation, state.now()).await?.map_err(Error::Idempotency)?;
        let payment = match begun {
            Begin::Replay(answer) => return Ok(Begun::Answered(answer)),
            Begin::Fresh => begin(&state, tx, &buyer, (key.as_str(), package_id)).await?,
            Begin::Unfinished => payments::of_request(tx, owner, key.as_str())
                .await?
                .ok_or_else(|| Fault::unexpected("a checkout was begun without its payment"))?,
        };
        failpoint!("credits.begin_checkout.before");
        Ok::<_, Error>(Begun::Payment(Box::new(payment)))
    })
    .await?;
    failpoint!("credits.begin_checkout.after");
    match begun {
        Begun::Answered(answer) => Ok(answer.response()),
        Begun::Payment(payment) => Ok(HttpResponse::Created().json(checkout::open(&state, &payment).await?)),
    }
}

enum Begun {
    Answered(StoredAnswer),
    Payment(Box<Payment>),
}

/// Writes down the payment, that Stripe will be asked, and the repair.
async fn begin(
    state: &Credits,
    tx: &mut Connection,
    buyer: &CurrentActor,
    (key, package_id): (&str, PackageId),
) -> Result<Payment, Error> {
    let package = packages::find(tx, buyer.tenant_id, package_id).await?.ok_or(Error::NotFound)?;
    let clock = &state.platform.clock;
    let payment = Payment {
        tenant_id: buyer.tenant_id,
        id: PaymentId::new(clock),
        user_id: buyer.user_id,
        package_id,
        package_name: package.name,
        credits: package.credits,
        validity_days: package.validity_days,
        amount_minor: package.price_minor,
        currency: package.currency,
        status: PaymentStatus::Created,
        request_key: key.to_owned(),
        checkout_session_id: None,
        checkout_url: None,
        lot_id: None,
        created_at: clock.now(),
        paid_at: None,
    };
    payments::insert(tx, &payment).await?;
    let asked = format!("{}\n{}\n{}", payment.package_name, payment.price(), payment.user_id);
    payments::record_call(tx, &payment, &Sha256::digest(asked.as_bytes())).await?;
    let repair = FinishCheckout { payment_id: payment.id };
    let at = payment.created_at + REPAIR_AFTER;
    shinkofa_jobs::enqueue_keyed(tx, clock, Some(payment.tenant_id), at, (payment.id, &repair)).await?;
    Ok(payment)
}
