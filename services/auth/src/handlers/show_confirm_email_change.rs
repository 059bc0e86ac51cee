//! `GET /confirm-email-change`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::page::page_of_link;

const TEMPLATE: &str = include_str!("../pages/one_button.html");
const ENDPOINT: &str = "/api/auth/email/change/confirm";

/// The page that a letter to a new address links to
///
/// Loading it changes nothing: it posts the token behind the `#` of its address when the person presses the button.
#[utoipa::path(
    tag = "email",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/confirm-email-change")]
pub async fn show_confirm_email_change(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    page_of_link(&auth, &request, TokenPurpose::EmailChange, (TEMPLATE, texts(context.locale))).await
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("endpoint", ENDPOINT),
            ("title", "Confirm your new address"),
            (
                "question",
                "Press the button to use this address for your account. You will be signed out everywhere.",
            ),
            ("confirm", "Use this address"),
            ("done", "Your account has this address now. Sign in with it."),
            ("gone", "This link was already used or has expired. Ask for the change again."),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("endpoint", ENDPOINT),
            ("title", "Confirmez votre nouvelle adresse"),
            (
                "question",
                "Appuyez sur le bouton pour utiliser cette adresse pour votre compte. Vous serez déconnecté partout.",
            ),
            ("confirm", "Utiliser cette adresse"),
            ("done", "Votre compte a maintenant cette adresse. Connectez-vous avec elle."),
            ("gone", "Ce lien a déjà été utilisé ou a expiré. Refaites la demande."),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript."),
        ],
    }
}
