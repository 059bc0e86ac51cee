//! The audit trail in words that its person understands.

use shinkofa_kernel::{Actor, UserId, text_enum};
use shinkofa_web::Message;

use super::audit::AuditAction;

text_enum! {
    /// Who did something, as its person may know it.
    Doer {
        /// Somebody who was signed in as this person.
        You => "you",
        /// Somebody who administers the place.
        Staff => "staff",
        /// The platform itself.
        Platform => "platform",
        /// Somebody who was not signed in, with a link or a request that anybody may make.
        Unknown => "unknown",
    }
}

impl Doer {
    pub fn of(actor: &Actor, person: UserId) -> Self {
        match actor {
            Actor::User { user_id } if *user_id == person => Self::You,
            Actor::User { .. } | Actor::ApiKey { .. } => Self::Staff,
            Actor::Service { .. } => Self::Platform,
            Actor::Anonymous => Self::Unknown,
        }
    }
}

/// One sentence. The action itself is the stable name beside it.
pub fn sentence(action: AuditAction) -> Message {
    let (en, fr) = match action {
        AuditAction::AccountCreated => ("The account was opened.", "Le compte a été ouvert."),
        AuditAction::VerificationRequested => {
            ("A link to confirm the address was sent.", "Un lien pour confirmer l'adresse a été envoyé.")
        }
        AuditAction::EmailVerified => ("The address was confirmed.", "L'adresse a été confirmée."),
        AuditAction::PasswordSet => ("Another password was set.", "Un autre mot de passe a été défini."),
        AuditAction::PasswordResetRequested => (
            "A link to choose another password was sent.",
            "Un lien pour choisir un nouveau mot de passe a été envoyé.",
        ),
        AuditAction::PasswordReset => {
            ("Another password was chosen with a link.", "Un nouveau mot de passe a été choisi avec un lien.")
        }
        AuditAction::PasswordChanged => ("The password was changed.", "Le mot de passe a été modifié."),
        AuditAction::EmailChangeRequested => {
            ("Another address was asked for.", "Une autre adresse a été demandée.")
        }
        AuditAction::EmailChanged => ("The address was changed.", "L'adresse a été modifiée."),
        AuditAction::EmailChangeUndone => {
            ("The former address was put back.", "L'ancienne adresse a été rétablie.")
        }
        AuditAction::ProfileChanged => ("The profile was changed.", "Le profil a été modifié."),
        AuditAction::AccountSuspended => ("The account was suspended.", "Le compte a été suspendu."),
        AuditAction::AccountRestored => ("The account was restored.", "Le compte a été rétabli."),
        AuditAction::RolesSet => ("The roles were changed.", "Les rôles ont été modifiés."),
        AuditAction::MembershipBegun => ("You became a member.", "Vous êtes devenu membre."),
        AuditAction::MembershipRemoved => ("Your membership was ended.", "Votre adhésion a été retirée."),
        AuditAction::MembershipLeft => ("You left.", "Vous êtes parti."),
        AuditAction::MembershipLocked => ("The membership was suspended.", "L'adhésion a été suspendue."),
        AuditAction::MembershipUnlocked => {
            ("The membership is active again.", "L'adhésion est de nouveau active.")
        }
        AuditAction::SessionOpened => ("A sign-in.", "Une connexion."),
        AuditAction::SessionEnded => ("A session was ended.", "Une connexion a été fermée."),
        AuditAction::SessionsEnded => {
            ("Several sessions were ended at once.", "Plusieurs connexions ont été fermées d'un coup.")
        }
        AuditAction::SessionNamed => ("A device was named.", "Un appareil a été nommé."),
        AuditAction::PasskeyCloned => (
            "A passkey was refused, because a copy of it seems to be about.",
            "Une clé d'accès a été refusée, car une copie semble en circuler.",
        ),
        AuditAction::NotMeReported => (
            "“This was not me”: all sessions were ended and the password was taken away.",
            "« Ce n'était pas moi » : toutes les connexions ont été fermées et le mot de passe a été retiré.",
        ),
        _ => ("Something about the account was changed.", "Le compte a été modifié."),
    };
    Message::new(en, fr)
}

#[cfg(test)]
mod tests {
    use shinkofa_kernel::macros::uuid::Uuid;

    use super::*;

    #[test]
    fn a_person_learns_whether_it_was_them() {
        let (me, other) = (UserId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)));
        assert_eq!(Doer::of(&Actor::user(me), me), Doer::You);
        assert_eq!(Doer::of(&Actor::user(other), me), Doer::Staff);
        assert_eq!(Doer::of(&Actor::service("auth"), me), Doer::Platform);
        assert_eq!(Doer::of(&Actor::Anonymous, me), Doer::Unknown);
    }
}
