//! `GET /api/payment/{paymentId}`: how far a purchase is.

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shinkofa_contracts::{PackageId, PaymentId};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::CurrentActor;
use shinkofa_kernel::Currency;
use shinkofa_web::{CallerRefusals, NotFoundRefusal, Path, Unavailability};
use utoipa::ToSchema;

use crate::Credits;
use crate::db::payments;
use crate::domain::payment::PaymentStatus;
use crate::error::Error;

/// A purchase.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentView {
    payment_id: PaymentId,
    status: PaymentStatus,
    package_id: PackageId,
    #[schema(example = "Ten classes")]
    package_name: String,
    #[schema(example = 10)]
    credits: i32,
    #[schema(example = 14_500)]
    amount_minor: i64,
    currency: Currency,
    #[schema(required = true, example = "cs_test_a1b2c3d4")]
    checkout_session_id: Option<String>,
    /// Where to pay, while it can be paid.
    #[schema(required = true, example = "https://checkout.stripe.com/c/pay/cs_test_a1b2c3d4")]
    checkout_url: Option<String>,
    created_at: DateTime<Utc>,
    #[schema(required = true)]
    paid_at: Option<DateTime<Utc>>,
}

/// One of my purchases
#[utoipa::path(
    tag = "payment",
    params(("paymentId" = PaymentId, Path)),
    security(("bearer" = [])),
    responses(
        CallerRefusals, NotFoundRefusal, Unavailability,
        (status = 200, body = PaymentView),
    ),
)]
#[get("/api/payment/{paymentId}")]
pub(crate) async fn get_payment(
    state: web::Data<Credits>,
    owner: CurrentActor,
    id: Path<PaymentId>,
) -> Result<web::Json<PaymentView>, Error> {
    let scope = Scope::tenant(owner.tenant_id).with_user(owner.user_id);
    let payment = transaction(&state.platform.database, &scope, "get_payment", async |tx| {
        Ok::<_, Error>(payments::find(tx, owner.tenant_id, id.0).await?)
    })
    .await?
    .filter(|payment| payment.user_id == owner.user_id)
    .ok_or(Error::NotFound)?;
    let payable = !payment.status.is_settled();
    Ok(web::Json(PaymentView {
        payment_id: payment.id,
        status: payment.status,
        package_id: payment.package_id,
        package_name: payment.package_name,
        credits: payment.credits,
        amount_minor: payment.amount_minor,
        currency: payment.currency,
        checkout_session_id: payment.checkout_session_id,
        checkout_url: payment.checkout_url.filter(|_| payable),
        created_at: payment.created_at,
        paid_at: payment.paid_at,
    }))
}
