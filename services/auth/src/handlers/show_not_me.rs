//! `GET /not-me`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::page::page_of_link;

const TEMPLATE: &str = include_str!("../pages/one_button.html");
const ENDPOINT: &str = "/api/auth/signin/not-me";

/// The page that a letter about a sign-in or a session that was ended links to
///
/// Loading it changes nothing: it posts the token behind the `#` of its address when the person presses the button.
#[utoipa::path(
    tag = "sessions",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/not-me")]
pub async fn show_not_me(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    page_of_link(&auth, &request, TokenPurpose::NotMe, (TEMPLATE, texts(context.locale))).await
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("endpoint", ENDPOINT),
            ("title", "That was not you?"),
            (
                "question",
                "Press the button to sign everybody out. We send you a link to choose another password.",
            ),
            ("confirm", "It was not me"),
            (
                "done",
                "Everybody was signed out. Open the letter that we have just sent you and choose another password.",
            ),
            ("gone", "This link was already used or has expired. You can still ask for another password."),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("endpoint", ENDPOINT),
            ("title", "Ce n’était pas vous ?"),
            (
                "question",
                "Appuyez sur le bouton pour fermer toutes les connexions. Nous vous enverrons un lien pour choisir un nouveau mot de passe.",
            ),
            ("confirm", "Ce n’était pas moi"),
            (
                "done",
                "Toutes les connexions sont fermées. Ouvrez le message que nous venons de vous envoyer et choisissez un nouveau mot de passe.",
            ),
            (
                "gone",
                "Ce lien a déjà été utilisé ou a expiré. Vous pouvez toujours demander un nouveau mot de passe.",
            ),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript."),
        ],
    }
}
