//! The Checkout page: plain HTML that works without scripts, in the payer's language.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use url::Url;

use crate::domain::checkout_session::{CheckoutSession, SessionState};
use crate::domain::payment::MeansKind;
use crate::error::Problem;

/// The words of the page in one language.
struct Words {
    language: &'static str,
    title: &'static str,
    notice: &'static str,
    pay: &'static str,
    cancel: &'static str,
    others: &'static str,
    delayed: &'static str,
    declined: &'static str,
    complete: &'static str,
    expired: &'static str,
    was_declined: &'static str,
    back: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Payment",
    notice: "This is a stand-in for Stripe. No money moves.",
    pay: "Pay",
    cancel: "Cancel",
    others: "Try another outcome",
    delayed: "Pay by bank debit (settles later)",
    declined: "Pay with a card that is declined",
    complete: "This payment is complete.",
    expired: "This payment page has expired.",
    was_declined: "The card was declined. You can try again.",
    back: "Back",
};

const FRENCH: Words = Words {
    language: "fr",
    title: "Paiement",
    notice: "Ceci remplace Stripe en développement. Aucun argent n’est prélevé.",
    pay: "Payer",
    cancel: "Annuler",
    others: "Essayer une autre issue",
    delayed: "Payer par prélèvement (règlement différé)",
    declined: "Payer avec une carte refusée",
    complete: "Ce paiement est terminé.",
    expired: "Cette page de paiement a expiré.",
    was_declined: "La carte a été refusée. Vous pouvez réessayer.",
    back: "Retour",
};

const STYLE: &str = "body{font:1.05rem/1.5 system-ui,sans-serif;background:#f4f5f9;color:#1c2333;margin:0}\
main{max-width:26rem;margin:8vh auto;padding:2rem;background:#fff;border-radius:.75rem;box-shadow:0 2px 18px #1c23331f}\
h1{margin:0 0 .5rem;font-size:1.3rem}.amount{font-size:2.2rem;font-weight:700;margin:.5rem 0 1rem}\
ul{padding:0;list-style:none;margin:0 0 1.5rem}li{display:flex;justify-content:space-between;gap:1rem}\
button{font:inherit;width:100%;padding:.8rem;border-radius:.5rem;border:1px solid #3a4370;background:#fff;color:#3a4370;cursor:pointer;margin:.3rem 0}\
button.main{background:#3a4370;color:#fff;font-weight:600}button:focus-visible,a:focus-visible,summary:focus-visible{outline:3px solid #e0912f;outline-offset:2px}\
.notice{background:#fff6e3;border-radius:.5rem;padding:.6rem .8rem;font-size:.9rem}.cancel{display:block;text-align:center;margin:1rem 0;color:#3a4370}";

pub fn of_session(session: &CheckoutSession) -> HttpResponse {
    match session.state {
        SessionState::Open => answer(StatusCode::OK, session, &payment_form(session, None)),
        SessionState::Expired => {
            let words = words_of(session);
            answer(StatusCode::GONE, session, &ending(session, words.expired))
        }
        SessionState::Paid | SessionState::AwaitingFunds | SessionState::FundsFailed => {
            let words = words_of(session);
            answer(StatusCode::OK, session, &ending(session, words.complete))
        }
    }
}

/// The page after an attempt that was refused.
pub fn refused(session: &CheckoutSession, problem: &Problem) -> HttpResponse {
    use actix_web::ResponseError;
    let words = words_of(session);
    let body = match session.state {
        SessionState::Open => payment_form(session, Some(words.was_declined)),
        _ => ending(session, words.expired),
    };
    answer(problem.status_code(), session, &body)
}

pub fn unknown() -> HttpResponse {
    let body = "<h1>Payment</h1><p>There is no such payment page.</p>";
    html(StatusCode::NOT_FOUND, "'none'", document(&ENGLISH, body))
}

fn payment_form(session: &CheckoutSession, alert: Option<&str>) -> String {
    let words = words_of(session);
    let amount = escape(&session.currency.write(session.total()));
    let items: String = session
        .line_items
        .iter()
        .map(|item| {
            format!(
                "<li><span>{} × {}</span><span>{}</span></li>",
                item.quantity,
                escape(&item.name),
                escape(&session.currency.write(item.total()))
            )
        })
        .collect();
    let alert = alert.map_or_else(String::new, |alert| {
        format!("<p class=\"notice\" role=\"alert\">{}</p>", escape(alert))
    });
    let cancel = session.terms.cancel_url.as_ref().map_or_else(String::new, |url| {
        format!("<a class=\"cancel\" href=\"{}\">{}</a>", escape(url), words.cancel)
    });
    format!(
        "<h1>{title}</h1>{alert}<p class=\"amount\">{amount}</p><ul>{items}</ul>\
         <form method=\"post\" action=\"/sim/checkout/{id}/pay\">{buttons}</form>{cancel}\
         <p class=\"notice\">{notice}</p>",
        title = words.title,
        id = session.id,
        buttons = buttons(session, words, &amount),
        notice = words.notice,
    )
}

fn buttons(session: &CheckoutSession, words: &Words, amount: &str) -> String {
    let takes = |kind| session.terms.accepts.contains(&kind);
    let mut main = String::new();
    let mut others = String::new();
    if takes(MeansKind::Card) {
        main =
            format!("<button class=\"main\" name=\"method\" value=\"card\">{} {amount}</button>", words.pay);
        others.push_str(&format!("<button name=\"method\" value=\"declined\">{}</button>", words.declined));
    }
    if takes(MeansKind::SepaDebit) {
        others.push_str(&format!("<button name=\"method\" value=\"delayed\">{}</button>", words.delayed));
    }
    format!("{main}<details><summary>{}</summary>{others}</details>", words.others)
}

fn ending(session: &CheckoutSession, text: &str) -> String {
    let words = words_of(session);
    let next = match session.state {
        SessionState::Expired | SessionState::Open => session.terms.cancel_url.clone(),
        _ => Some(session.success_address()),
    };
    let link = next.map_or_else(String::new, |url| {
        format!("<a class=\"cancel\" href=\"{}\">{}</a>", escape(&url), words.back)
    });
    format!("<h1>{}</h1><p>{text}</p>{link}", words.title)
}

fn words_of(session: &CheckoutSession) -> &'static Words {
    match &session.terms.locale {
        Some(locale) if locale.starts_with("fr") => &FRENCH,
        _ => &ENGLISH,
    }
}

fn answer(status: StatusCode, session: &CheckoutSession, body: &str) -> HttpResponse {
    // Browsers hold a form's redirect to this list too, so the page that follows must be on it.
    let next = Url::parse(&session.terms.success_url)
        .map(|url| url.origin().ascii_serialization())
        .unwrap_or_default();
    html(status, &format!("'self' {next}"), document(words_of(session), body))
}

fn document(words: &Words, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        language = words.language,
        title = words.title,
    )
}

fn html(status: StatusCode, form_action: &str, document: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .insert_header((
            "Content-Security-Policy",
            format!(
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                 frame-ancestors 'none'; form-action {form_action}"
            ),
        ))
        .body(document)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
