//! `GET /reset-password`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::page::page_of_link;

const TEMPLATE: &str = include_str!("../pages/reset_password.html");

/// The page that a letter about another password links to
///
/// Loading it changes nothing: it posts the token behind the `#` of its address together with the password.
#[utoipa::path(
    tag = "password",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/reset-password")]
pub async fn show_reset_password(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    page_of_link(&auth, &request, TokenPurpose::PasswordReset, (TEMPLATE, texts(context.locale))).await
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("title", "Choose another password"),
            ("question", "At least 12 characters. A sentence is easier to remember than a riddle."),
            ("label", "New password"),
            ("send", "Use this password"),
            ("done", "Your password was changed. You can sign in with it now."),
            ("gone", "This link was already used or has expired. Ask for a new one."),
            (
                "unfit",
                "This password is too short, too long, or one that many people know. Choose another one.",
            ),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript to send your password."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("title", "Choisissez un nouveau mot de passe"),
            ("question", "Au moins 12 caractères. Une phrase se retient mieux qu’une énigme."),
            ("label", "Nouveau mot de passe"),
            ("send", "Utiliser ce mot de passe"),
            ("done", "Votre mot de passe a été modifié. Vous pouvez maintenant vous connecter."),
            ("gone", "Ce lien a déjà été utilisé ou a expiré. Demandez-en un nouveau."),
            ("unfit", "Ce mot de passe est trop court, trop long ou trop connu. Choisissez-en un autre."),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript pour envoyer votre mot de passe."),
        ],
    }
}
