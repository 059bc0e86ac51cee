//! `GET /verify-email`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::page::page_of_link;

const TEMPLATE: &str = include_str!("../pages/one_button.html");
const ENDPOINT: &str = "/api/auth/email/verify";

/// The page that a confirmation mail links to
///
/// It posts the token that stands behind the `#` of its address when the person presses the button. Loading it changes
/// nothing, however often and by whomever.
#[utoipa::path(
    tag = "sign-up",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/verify-email")]
pub async fn show_verify_email(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    page_of_link(&auth, &request, TokenPurpose::EmailVerification, (TEMPLATE, texts(context.locale))).await
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("endpoint", ENDPOINT),
            ("title", "Confirm your address"),
            ("question", "Press the button to confirm that this address is yours."),
            ("confirm", "Confirm my address"),
            ("done", "Your address is confirmed. You can sign in now."),
            ("gone", "This link was already used or has expired. Ask for a new one."),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript to confirm your address."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("endpoint", ENDPOINT),
            ("title", "Confirmez votre adresse"),
            ("question", "Appuyez sur le bouton pour confirmer que cette adresse est la vôtre."),
            ("confirm", "Confirmer mon adresse"),
            ("done", "Votre adresse est confirmée. Vous pouvez maintenant vous connecter."),
            ("gone", "Ce lien a déjà été utilisé ou a expiré. Demandez-en un nouveau."),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript pour confirmer votre adresse."),
        ],
    }
}
