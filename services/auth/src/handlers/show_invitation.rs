//! `GET /invitation`

use actix_web::{HttpResponse, get, web};
use shinkofa_web::{Locale, RequestContext};

use crate::Auth;
use crate::error::Error;
use crate::page::page;

const TEMPLATE: &str = include_str!("../pages/invitation.html");

/// The page that an invitation's letter links to
///
/// Loading it changes nothing: it posts the token behind the `#` of its address when the person presses the button, and offers to
/// sign up where the address has no account.
#[utoipa::path(
    tag = "invitations",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/invitation")]
pub async fn show_invitation(auth: web::Data<Auth>, context: RequestContext) -> Result<HttpResponse, Error> {
    page(&auth, TEMPLATE, texts(context.locale))
}

/// Typographic apostrophes throughout: the texts stand in attributes.
fn texts(locale: Locale) -> &'static [(&'static str, &'static str)] {
    match locale {
        Locale::English => &[
            ("lang", "en"),
            ("title", "You are invited"),
            ("question", "Press the button to become a member of the studio that invites you."),
            ("join", "Join"),
            ("done", "You are a member now. Sign in as usual."),
            ("member", "You are a member already. Sign in as usual."),
            ("gone", "This invitation was already used, was revoked or has expired. Ask for a new one."),
            (
                "signup",
                "There is no account with your address yet. Sign up here with the address that was invited.",
            ),
            ("email", "Email address"),
            ("name", "Name"),
            ("password", "Password (at least 12 characters)"),
            ("create", "Sign up"),
            ("sent", "We have sent you a link to confirm your address. Once you open it, you are a member."),
            (
                "refused",
                "That cannot be accepted. Check the address that was invited, your name and the password.",
            ),
            ("later", "That did not work. Please try again in a moment."),
            ("noscript", "This page needs JavaScript."),
        ],
        Locale::French => &[
            ("lang", "fr"),
            ("title", "Vous êtes invité"),
            ("question", "Appuyez sur le bouton pour devenir membre du studio qui vous invite."),
            ("join", "Rejoindre"),
            ("done", "Vous êtes maintenant membre. Connectez-vous comme d’habitude."),
            ("member", "Vous êtes déjà membre. Connectez-vous comme d’habitude."),
            (
                "gone",
                "Cette invitation a déjà été utilisée, a été révoquée ou a expiré. Demandez-en une nouvelle.",
            ),
            (
                "signup",
                "Il n’y a pas encore de compte avec votre adresse. Inscrivez-vous ici avec l’adresse invitée.",
            ),
            ("email", "Adresse e-mail"),
            ("name", "Nom"),
            ("password", "Mot de passe (au moins 12 caractères)"),
            ("create", "S’inscrire"),
            (
                "sent",
                "Nous vous avons envoyé un lien pour confirmer votre adresse. Dès que vous l’ouvrez, vous êtes membre.",
            ),
            (
                "refused",
                "Ceci ne peut pas être accepté. Vérifiez l’adresse invitée, votre nom et le mot de passe.",
            ),
            ("later", "Cela n’a pas fonctionné. Réessayez dans un instant."),
            ("noscript", "Cette page a besoin de JavaScript."),
        ],
    }
}
