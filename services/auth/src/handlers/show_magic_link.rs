//! `GET /magic-link`

use actix_web::{HttpRequest, HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::domain::one_time_token::TokenPurpose;
use crate::error::Error;
use crate::page::page_of_link;

const TEMPLATE: &str = include_str!("../pages/magic_link.html");

/// The page that asks for a link to sign in with, and that the link opens
///
/// Loading it changes nothing, however often and by whomever: a person presses a button, and only the tab that asked for the
/// link knows the verifier.
#[utoipa::path(
    tag = "sign-in",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/magic-link")]
pub async fn show_magic_link(
    request: HttpRequest,
    auth: web::Data<Auth>,
    context: RequestContext,
) -> Result<HttpResponse, Error> {
    page_of_link(&auth, &request, TokenPurpose::MagicLink, (TEMPLATE, texts(context.locale))).await
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("title", "Sign in by email"),
            ("ask", "We send you a link and a short code."),
            ("email", "Your address"),
            ("send", "Send me a link"),
            (
                "sent",
                "If the address has an account, a letter is on its way. Open its link in this browser, or type its code here.",
            ),
            ("code", "The code of the letter"),
            ("question", "Press the button to sign in."),
            ("signin", "Sign in"),
            ("elsewhere", "You began in another browser. Type this code there, and tell it to nobody:"),
            ("handed", "You are being signed in where you began. You can close this page."),
            ("done", "You are signed in."),
            ("second", "One more step: enter the code of your second factor."),
            ("gone", "This link was already used or has expired. Ask for a new one."),
            ("wrong", "That is not right, or it has expired. Check the code, or ask for a new letter."),
            ("wait", "Too many attempts. Please wait a moment."),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript to sign you in."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("title", "Connexion par e-mail"),
            ("ask", "Nous vous envoyons un lien et un code court."),
            ("email", "Votre adresse"),
            ("send", "M’envoyer un lien"),
            (
                "sent",
                "Si cette adresse a un compte, un message est en route. Ouvrez son lien dans ce navigateur, ou saisissez son code ici.",
            ),
            ("code", "Le code du message"),
            ("question", "Appuyez sur le bouton pour vous connecter."),
            ("signin", "Se connecter"),
            (
                "elsewhere",
                "Vous avez commencé dans un autre navigateur. Saisissez-y ce code et ne le communiquez à personne :",
            ),
            ("handed", "La connexion se termine là où vous l’avez commencée. Vous pouvez fermer cette page."),
            ("done", "Vous êtes connecté."),
            ("second", "Encore une étape : saisissez le code de votre second facteur."),
            ("gone", "Ce lien a déjà été utilisé ou a expiré. Demandez-en un nouveau."),
            (
                "wrong",
                "Ce n’est pas correct, ou c’est expiré. Vérifiez le code, ou demandez un nouveau message.",
            ),
            ("wait", "Trop de tentatives. Patientez un instant."),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript pour vous connecter."),
        ],
    }
}
