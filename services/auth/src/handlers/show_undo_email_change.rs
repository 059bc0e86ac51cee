//! `GET /undo-email-change`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::page::page_of_link;

const TEMPLATE: &str = include_str!("../pages/one_button.html");
const ENDPOINT: &str = "/api/auth/email/change/undo";

/// The page that a letter to a former address links to
///
/// Loading it changes nothing: it posts the token behind the `#` of its address when the person presses the button.
#[utoipa::path(
    tag = "email",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/undo-email-change")]
pub async fn show_undo_email_change(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    page_of_link(&auth, &request, TokenPurpose::EmailChangeUndo, (TEMPLATE, texts(context.locale))).await
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("endpoint", ENDPOINT),
            ("title", "Take your account back"),
            (
                "question",
                "Press the button to put this address back. Everybody is signed out, and we send you a link to choose another password.",
            ),
            ("confirm", "It was not me"),
            (
                "done",
                "This address is back. Open the letter that we have just sent you and choose another password.",
            ),
            ("gone", "This link was already used or has expired. Please get in touch with us."),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("endpoint", ENDPOINT),
            ("title", "Reprenez votre compte"),
            (
                "question",
                "Appuyez sur le bouton pour rétablir cette adresse. Toutes les connexions seront fermées et nous vous enverrons un lien pour choisir un nouveau mot de passe.",
            ),
            ("confirm", "Ce n’était pas moi"),
            (
                "done",
                "Cette adresse est rétablie. Ouvrez le message que nous venons de vous envoyer et choisissez un nouveau mot de passe.",
            ),
            ("gone", "Ce lien a déjà été utilisé ou a expiré. Veuillez nous contacter."),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript."),
        ],
    }
}
