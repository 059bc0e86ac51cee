//! The sentences: one for each kind of change that somebody may find on their timeline, and for each end of a session.

use crate::domain::audit::AuditAction;
use crate::domain::session::SessionEnd;

/// In English and French.
pub type Words = (&'static str, &'static str);

/// For a change that has no sentence of its own, because it is on nobody's timeline.
pub const GENERAL: Words = ("Something about the account was changed.", "Le compte a été modifié.");

pub fn of_action(action: AuditAction) -> Words {
    let tables = [ACCOUNT, SIGNING_IN, SECRETS, MEMBERSHIP];
    let mut entries = tables.into_iter().flatten();
    entries.find(|(of, _)| *of == action).map_or(GENERAL, |(_, words)| *words)
}

/// The account itself, and what it says of its person.
const ACCOUNT: &[(AuditAction, Words)] = &[
    (AuditAction::AccountCreated, ("The account was opened.", "Le compte a été ouvert.")),
    (
        AuditAction::TemporaryCreated,
        ("A temporary account was opened.", "Un compte temporaire a été ouvert."),
    ),
    (
        AuditAction::GuestUpgraded,
        (
            "The guest's account became one with an address.",
            "Le compte d'invité est devenu un compte avec une adresse.",
        ),
    ),
    (
        AuditAction::VerificationRequested,
        ("A link to confirm the address was sent.", "Un lien pour confirmer l'adresse a été envoyé."),
    ),
    (AuditAction::EmailVerified, ("The address was confirmed.", "L'adresse a été confirmée.")),
    (
        AuditAction::AddressClaimed,
        (
            "The address was shown to be yours, and all that was set before was taken away.",
            "L'adresse a été reconnue comme la vôtre, et tout ce qui avait été défini avant a été retiré.",
        ),
    ),
    (
        AuditAction::EmailChangeRequested,
        ("Another address was asked for.", "Une autre adresse a été demandée."),
    ),
    (AuditAction::EmailChanged, ("The address was changed.", "L'adresse a été modifiée.")),
    (
        AuditAction::EmailChangeUndone,
        ("The former address was put back.", "L'ancienne adresse a été rétablie."),
    ),
    (AuditAction::ProfileChanged, ("The profile was changed.", "Le profil a été modifié.")),
    (AuditAction::AccountSuspended, ("The account was suspended.", "Le compte a été suspendu.")),
    (AuditAction::AccountRestored, ("The account was restored.", "Le compte a été rétabli.")),
    (
        AuditAction::AccountExported,
        ("A copy of all your data was made.", "Une copie de toutes vos données a été faite."),
    ),
    (
        AuditAction::DeletionRequested,
        ("The deletion of the account was asked for.", "La suppression du compte a été demandée."),
    ),
    (
        AuditAction::DeletionCancelled,
        ("The deletion of the account was called off.", "La suppression du compte a été annulée."),
    ),
    (AuditAction::ConsentGranted, ("A consent was given.", "Un consentement a été donné.")),
    (AuditAction::ConsentWithdrawn, ("A consent was withdrawn.", "Un consentement a été retiré.")),
];

/// Sign-ins and what became of them.
const SIGNING_IN: &[(AuditAction, Words)] = &[
    (AuditAction::MagicLinkSent, ("A link to sign in was sent.", "Un lien pour se connecter a été envoyé.")),
    (AuditAction::SignInCodeSent, ("A code to sign in was sent.", "Un code pour se connecter a été envoyé.")),
    (AuditAction::SessionOpened, ("A sign-in.", "Une connexion.")),
    (
        AuditAction::SessionReauthenticated,
        ("It was shown once more who you are.", "Votre identité a été confirmée une nouvelle fois."),
    ),
    (AuditAction::SessionEnded, ("A session was ended.", "Une connexion a été fermée.")),
    (AuditAction::SessionNamed, ("A device was named.", "Un appareil a été nommé.")),
    (
        AuditAction::SessionsEnded,
        ("Several sessions were ended at once.", "Plusieurs connexions ont été fermées d'un coup."),
    ),
    (
        AuditAction::SignedOutByStaff,
        (
            "The staff ended all of your sessions in the studio.",
            "L'équipe a fermé toutes vos connexions au studio.",
        ),
    ),
    (
        AuditAction::ImpersonationStarted,
        (
            "Somebody of the staff began to see the platform as you do, without being able to change anything.",
            "Quelqu'un de l'équipe a commencé à voir la plateforme à votre place, sans rien pouvoir modifier.",
        ),
    ),
    (
        AuditAction::NotMeReported,
        (
            "“This was not me”: all sessions were ended and the password was taken away.",
            "« Ce n'était pas moi » : toutes les connexions ont été fermées et le mot de passe a été retiré.",
        ),
    ),
];

/// What somebody signs in with.
const SECRETS: &[(AuditAction, Words)] = &[
    (AuditAction::PasswordSet, ("Another password was set.", "Un autre mot de passe a été défini.")),
    (
        AuditAction::PasswordResetRequested,
        (
            "A link to choose another password was sent.",
            "Un lien pour choisir un nouveau mot de passe a été envoyé.",
        ),
    ),
    (
        AuditAction::PasswordReset,
        ("Another password was chosen with a link.", "Un nouveau mot de passe a été choisi avec un lien."),
    ),
    (AuditAction::PasswordChanged, ("The password was changed.", "Le mot de passe a été modifié.")),
    (
        AuditAction::FactorEnrolled,
        ("An authenticator app is being set up.", "L'ajout d'une application d'authentification a commencé."),
    ),
    (
        AuditAction::FactorConfirmed,
        ("A second factor or a passkey was added.", "Un second facteur ou une clé d'accès a été ajouté."),
    ),
    (
        AuditAction::FactorRemoved,
        ("A second factor or a passkey was removed.", "Un second facteur ou une clé d'accès a été supprimé."),
    ),
    (AuditAction::PasskeyRenamed, ("A passkey was renamed.", "Une clé d'accès a été renommée.")),
    (
        AuditAction::PasskeyCloned,
        (
            "A passkey was refused, because a copy of it seems to be about.",
            "Une clé d'accès a été refusée, car une copie semble en circuler.",
        ),
    ),
    (
        AuditAction::MailedCodeSent,
        ("A code for the second step was sent.", "Un code pour la seconde étape a été envoyé."),
    ),
    (
        AuditAction::RecoveryCodesReplaced,
        (
            "New recovery codes were made, and no earlier one works any more.",
            "De nouveaux codes de secours ont été créés, et les précédents ne fonctionnent plus.",
        ),
    ),
    (AuditAction::RecoveryCodeUsed, ("A recovery code was used.", "Un code de secours a été utilisé.")),
    (
        AuditAction::DeviceRemembered,
        (
            "A device was remembered: it leaves out the second step for a while.",
            "Un appareil a été mémorisé : il se passe de la seconde étape pendant un temps.",
        ),
    ),
    (
        AuditAction::DeviceForgotten,
        ("A remembered device was forgotten.", "Un appareil mémorisé a été oublié."),
    ),
    (
        AuditAction::IdentityLinked,
        (
            "An account at a provider was linked: it can be signed in with.",
            "Un compte chez un fournisseur a été lié : il permet de se connecter.",
        ),
    ),
    (
        AuditAction::IdentityUnlinked,
        ("An account at a provider was unlinked.", "Un compte chez un fournisseur n'est plus lié."),
    ),
];

/// What somebody is in a studio.
const MEMBERSHIP: &[(AuditAction, Words)] = &[
    (AuditAction::MembershipBegun, ("You became a member.", "Vous êtes devenu membre.")),
    (AuditAction::MembershipRemoved, ("Your membership was ended.", "Votre adhésion a été retirée.")),
    (AuditAction::MembershipLeft, ("You left.", "Vous êtes parti.")),
    (AuditAction::MembershipLocked, ("The membership was suspended.", "L'adhésion a été suspendue.")),
    (
        AuditAction::MembershipUnlocked,
        ("The membership is active again.", "L'adhésion est de nouveau active."),
    ),
    (AuditAction::RolesSet, ("The roles were changed.", "Les rôles ont été modifiés.")),
    (
        AuditAction::RolesDisowned,
        (
            "Roles were given, taken away or changed in your name, and it was not you: the studio's trail says who has them.",
            "Des rôles ont été donnés, retirés ou modifiés en votre nom, et ce n'était pas vous : le journal du studio dit qui les a.",
        ),
    ),
];

pub fn of_end(reason: SessionEnd) -> Words {
    match reason {
        SessionEnd::SignedOut => ("A sign-out.", "Une déconnexion."),
        SessionEnd::TokenReused => (
            "A session was ended, because a key to it that had been used before was shown again: somebody may have a copy.",
            "Une connexion a été fermée, car une clé qui lui avait déjà servi a été présentée de nouveau : quelqu'un en a peut-être une copie.",
        ),
        SessionEnd::OriginEnded => (
            "A session was ended together with the one from which you had switched studios.",
            "Une connexion a été fermée avec celle depuis laquelle vous aviez changé de studio.",
        ),
        SessionEnd::CodeReused => (
            "A session was ended, because the provider's code that opened it was shown again.",
            "Une connexion a été fermée, car le code du fournisseur qui l'avait ouverte a été présenté de nouveau.",
        ),
        SessionEnd::AccessWithdrawn => (
            "A session was ended, because you had no access any more.",
            "Une connexion a été fermée, car vous n'aviez plus accès.",
        ),
        SessionEnd::FactorsChanged => (
            "A session was ended, because a second factor or a passkey was added or removed elsewhere.",
            "Une connexion a été fermée, car un second facteur ou une clé d'accès a été ajouté ou supprimé ailleurs.",
        ),
        SessionEnd::EndedByOwner => (
            "A session was ended from among your sessions.",
            "Une connexion a été fermée depuis la liste de vos connexions.",
        ),
        SessionEnd::SignedOutByStaff => {
            ("A session was ended by the staff.", "Une connexion a été fermée par l'équipe.")
        }
        SessionEnd::KeyRevoked => (
            "A session was ended, because its key was revoked.",
            "Une connexion a été fermée, car sa clé a été révoquée.",
        ),
        SessionEnd::ServiceAccountChanged => (
            "A session was ended, because its service account was changed.",
            "Une connexion a été fermée, car son compte de service a été modifié.",
        ),
        SessionEnd::Locked => (
            "A session was ended, because the membership was suspended.",
            "Une connexion a été fermée, car l'adhésion a été suspendue.",
        ),
        SessionEnd::Banned => {
            ("A session was ended by a ban.", "Une connexion a été fermée par un bannissement.")
        }
        SessionEnd::Suspended => (
            "A session was ended, because the account was suspended.",
            "Une connexion a été fermée, car le compte a été suspendu.",
        ),
        SessionEnd::RolesChanged => (
            "A session was ended, because your roles or what they allow were changed.",
            "Une connexion a été fermée, car vos rôles ou ce qu'ils permettent ont été modifiés.",
        ),
        SessionEnd::MembershipEnded => (
            "A session was ended, because the membership was ended.",
            "Une connexion a été fermée, car l'adhésion a pris fin.",
        ),
        SessionEnd::TooMany => (
            "A session was ended, because you have signed in very often since.",
            "Une connexion a été fermée, car vous vous êtes connecté très souvent depuis.",
        ),
        SessionEnd::ImpersonationEnded => (
            "Somebody of the staff no longer sees the platform as you do.",
            "Quelqu'un de l'équipe ne voit plus la plateforme à votre place.",
        ),
    }
}
