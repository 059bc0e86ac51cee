//! How refusals of browsers, providers, second factors and passkeys are told.

use actix_web::http::StatusCode;
use shinkofa_web::Problem;

use super::{Error, bad_request, conflict, forbidden, unauthorized};

impl Error {
    /// Refusals of what a browser sends by itself.
    pub(super) fn browser_problem(&self) -> Problem {
        match self {
            Self::OriginRefused => forbidden(
                "origin_refused",
                "This works on our own pages alone. Open the application and try again.",
                "Ceci ne fonctionne que sur nos propres pages. Ouvrez l'application et réessayez.",
            ),
            Self::SignInThere => forbidden(
                "sign_in_there",
                "Open the studio at its own address and sign in there.",
                "Ouvrez le studio à sa propre adresse et connectez-vous là-bas.",
            ),
            _ => forbidden(
                "csrf_refused",
                "The page has to show that it is ours. Reload it and try again.",
                "La page doit prouver qu'elle est la nôtre. Rechargez-la et réessayez.",
            ),
        }
    }

    /// Refusals of a way through a provider, and about the identities that it brings.
    pub(super) fn provider_problem(&self) -> Problem {
        match self {
            Self::ProviderUnknown => Problem::not_found(),
            Self::RedirectRefused => bad_request(
                "redirect_refused",
                "This redirect address is not one of those that are allowed.",
                "Cette adresse de redirection ne fait pas partie de celles autorisées.",
            ),
            Self::StateRefused => bad_request(
                "state_refused",
                "This sign-in was completed already, has expired, or was not begun here. Start again.",
                "Cette connexion est déjà terminée, a expiré ou n'a pas commencé ici. Recommencez.",
            ),
            Self::IdentityRefused(reason) => {
                tracing::warn!(reason, "a provider's answer was refused");
                unauthorized(
                    "identity_refused",
                    "The provider did not confirm who you are. Start again.",
                    "Le fournisseur n'a pas confirmé votre identité. Recommencez.",
                )
            }
            Self::ProviderEmailUnverified => forbidden(
                "provider_email_unverified",
                "The provider has not verified your address. Confirm it there, or sign up with a password here.",
                "Le fournisseur n'a pas vérifié votre adresse. Confirmez-la chez lui, ou inscrivez-vous ici avec un mot de passe.",
            ),
            Self::ExchangeGone => Problem::new(
                StatusCode::GONE,
                "sign_in_gone",
                "This sign-in was completed already or has expired. Start again.",
                "Cette connexion est déjà terminée ou a expiré. Recommencez.",
            ),
            Self::IdentityTaken => conflict(
                "identity_taken",
                "This identity belongs to another account here.",
                "Cette identité appartient à un autre compte ici.",
            ),
            Self::ProviderLinked => conflict(
                "provider_already_linked",
                "The account is linked with another identity of this provider. Remove that one first.",
                "Le compte est lié à une autre identité de ce fournisseur. Retirez-la d'abord.",
            ),
            Self::LinkFirst => conflict(
                "link_first",
                "Your account has a second factor. Sign in as you usually do, then link this identity in your account.",
                "Votre compte a un second facteur. Connectez-vous comme d'habitude, puis liez cette identité dans votre compte.",
            ),
            _ => conflict(
                "last_way_in",
                "This is the only way to sign in to the account. Set a password, add a passkey or link another identity first.",
                "C'est le seul moyen de se connecter à ce compte. Définissez d'abord un mot de passe, ajoutez une clé d'accès ou liez une autre identité.",
            ),
        }
    }

    /// Refusals about second factors.
    pub(super) fn factor_problem(&self) -> Problem {
        match self {
            Self::SameChannel => forbidden(
                "same_channel_twice",
                "The second factor of this account is the mailbox that you just used. Sign in with your password instead.",
                "Le second facteur de ce compte est la boîte mail que vous venez d'utiliser. Connectez-vous plutôt avec votre mot de passe.",
            ),
            Self::NoMailedCode => forbidden(
                "mailed_code_not_available",
                "No code can be mailed here. Use another of your second factors.",
                "Aucun code ne peut être envoyé par mail ici. Utilisez un autre de vos seconds facteurs.",
            ),
            Self::ReauthenticationRefused => forbidden(
                "reauthentication_refused",
                "The password or the code is not right.",
                "Le mot de passe ou le code n'est pas correct.",
            ),
            Self::FactorCodeRefused => {
                Problem::invalid_field("/code", "is not what the authenticator app shows now")
            }
            Self::TooManyFactors => conflict(
                "too_many_factors",
                "This account has as many second factors as it may. Remove one first.",
                "Ce compte a autant de seconds facteurs que possible. Supprimez-en un d'abord.",
            ),
            Self::FactorExists => conflict(
                "factor_exists",
                "This second factor is enrolled already.",
                "Ce second facteur est déjà enregistré.",
            ),
            Self::LastFactor => conflict(
                "last_factor_required",
                "Your role needs a second factor. Enrol another one before you remove this one.",
                "Votre rôle exige un second facteur. Enregistrez-en un autre avant de supprimer celui-ci.",
            ),
            _ => conflict(
                "no_second_factor",
                "Recovery codes stand in for a second factor. Enrol one first.",
                "Les codes de secours remplacent un second facteur. Enregistrez-en un d'abord.",
            ),
        }
    }

    /// Refusals about passkeys.
    pub(super) fn passkey_problem(&self) -> Problem {
        match self {
            Self::ChallengeGone => Problem::new(
                StatusCode::GONE,
                "challenge_gone",
                "This was asked for too long ago, or answered already. Begin again.",
                "Cette demande est trop ancienne ou a déjà reçu une réponse. Recommencez.",
            ),
            Self::PasskeyCloned => forbidden(
                "passkey_cloned",
                "A copy of this passkey seems to be about, so it was refused. Sign in another way and remove it.",
                "Une copie de cette clé d'accès semble en circuler : elle a été refusée. Connectez-vous autrement et supprimez-la.",
            ),
            Self::PasskeyNotAvailable => forbidden(
                "passkey_not_available",
                "This account has no passkey to be asked for. Use another of your second factors.",
                "Ce compte n'a pas de clé d'accès. Utilisez un autre de vos seconds facteurs.",
            ),
            Self::PasskeyExists => conflict(
                "passkey_exists",
                "This passkey is registered already.",
                "Cette clé d'accès est déjà enregistrée.",
            ),
            _ => unauthorized(
                "passkey_refused",
                "This passkey opens nothing here. Use another one, or sign in another way.",
                "Cette clé d'accès n'ouvre rien ici. Utilisez-en une autre ou connectez-vous autrement.",
            ),
        }
    }
}
