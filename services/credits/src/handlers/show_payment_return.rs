//! `GET /payment/{paymentId}`: where Stripe sends the payer back to.

use actix_web::{HttpResponse, get};
use serde::Deserialize;
use shinkofa_contracts::PaymentId;
use shinkofa_web::{
    Locale, NotFoundRefusal, ParameterRefusal, Path, Problem, Query, RequestContext, html_page,
};
use utoipa::{IntoParams, ToSchema};

const TEMPLATE: &str = include_str!("../pages/payment_return.html");

/// With what the payer left Stripe's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Departure {
    Success,
    Cancelled,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnQuery {
    #[param(inline)]
    checkout: Departure,
}

/// The page behind a payment
///
/// It only says what comes next. Whether a payment was made is what Stripe tells the platform, never this address: see
/// `GET /api/payment/{paymentId}`.
#[utoipa::path(
    tag = "payments",
    params(("paymentId" = PaymentId, Path), ReturnQuery),
    responses(
        NotFoundRefusal, ParameterRefusal,
        (status = 200, body = String, content_type = "text/html; charset=utf-8"),
    ),
)]
#[get("/payment/{paymentId}")]
pub(crate) async fn show_payment_return(
    context: RequestContext,
    _payment: Path<PaymentId>,
    query: Query<ReturnQuery>,
) -> Result<HttpResponse, Problem> {
    // No script runs here: the nonce names the page's own style and nothing else.
    let nonce = context.request_id.to_string();
    Ok(html_page(&nonce, TEMPLATE, texts(query.0.checkout, context.locale)))
}

fn texts(departure: Departure, locale: Locale) -> &'static [(&'static str, &'static str)] {
    match (departure, locale) {
        (Departure::Success, Locale::English) => &[
            ("lang", "en"),
            ("title", "Thank you"),
            ("what_now", "Your credits appear in your wallet as soon as the payment is confirmed."),
        ],
        (Departure::Success, Locale::French) => &[
            ("lang", "fr"),
            ("title", "Merci"),
            (
                "what_now",
                "Vos crédits apparaissent dans votre portefeuille dès que le paiement est confirmé.",
            ),
        ],
        (Departure::Cancelled, Locale::English) => &[
            ("lang", "en"),
            ("title", "Nothing was paid"),
            ("what_now", "You left the payment page. You can begin again whenever you like."),
        ],
        (Departure::Cancelled, Locale::French) => &[
            ("lang", "fr"),
            ("title", "Aucun paiement"),
            ("what_now", "Vous avez quitté la page de paiement. Vous pouvez recommencer quand vous voulez."),
        ],
    }
}
