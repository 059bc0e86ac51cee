//! The audit trail in words that its person understands.

use shinkofa_kernel::{Actor, UserId, text_enum};
use shinkofa_web::Message;

use super::audit::AuditAction;
use super::session::SessionEnd;

mod sentences;

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

/// One sentence, with the reason where a session ended. The action itself is the stable name beside it.
pub fn sentence(action: AuditAction, reason: Option<SessionEnd>) -> Message {
    let (en, fr) = match (action, reason) {
        (AuditAction::SessionEnded, Some(reason)) => sentences::of_end(reason),
        (action, _) => sentences::of_action(action),
    };
    Message::new(en, fr)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shinkofa_kernel::macros::uuid::Uuid;

    use super::*;

    /// What nobody finds on their timeline.
    const NOBODYS: &[AuditAction] = &[
        // No news: the database tells them to nobody.
        AuditAction::PasswordRehashed,
        AuditAction::SessionRotated,
        AuditAction::SessionRepeated,
        // Nobody is left to read it.
        AuditAction::AddressReleased,
        AuditAction::GuestRemoved,
        AuditAction::TemporaryPurged,
        AuditAction::ErasureStarted,
        AuditAction::AccountErased,
        // About a program, which reads no timeline.
        AuditAction::SessionProlonged,
        AuditAction::ServiceAccountCreated,
        AuditAction::ServiceAccountChanged,
        AuditAction::ServiceAccountDisabled,
        AuditAction::ServiceAccountEnabled,
        AuditAction::ServiceAccountDeleted,
        AuditAction::ApiKeyCreated,
        AuditAction::ApiKeyRevoked,
        // About a realm, a studio, or what it has.
        AuditAction::ProviderDisabled,
        AuditAction::ProviderEnabled,
        AuditAction::SpraySuspected,
        AuditAction::KeysInForce,
        AuditAction::WebhookCreated,
        AuditAction::WebhookChanged,
        AuditAction::WebhookSecretRotated,
        AuditAction::WebhookDisabled,
        AuditAction::WebhookEnabled,
        AuditAction::WebhookDeleted,
        AuditAction::WebhookTested,
        AuditAction::BanPlaced,
        AuditAction::BanLifted,
        AuditAction::TenantCreated,
        AuditAction::TenantChanged,
        AuditAction::TenantDomainSet,
        AuditAction::TenantDomainRemoved,
        AuditAction::TenantClosed,
        AuditAction::TenantSuspended,
        AuditAction::TenantReopened,
        AuditAction::RoleCreated,
        AuditAction::RoleChanged,
        AuditAction::RoleRemoved,
        AuditAction::ProvisioningChanged,
        AuditAction::InvitationCreated,
        AuditAction::InvitationResent,
        AuditAction::InvitationRevoked,
        AuditAction::InvitationAccepted,
        AuditAction::InvitationForgotten,
    ];

    #[test]
    fn a_person_learns_whether_it_was_them() {
        let (me, other) = (UserId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)));
        assert_eq!(Doer::of(&Actor::user(me), me), Doer::You);
        assert_eq!(Doer::of(&Actor::user(other), me), Doer::Staff);
        assert_eq!(Doer::of(&Actor::service("auth"), me), Doer::Platform);
        assert_eq!(Doer::of(&Actor::Anonymous, me), Doer::Unknown);
    }

    #[test]
    fn whatever_somebody_finds_on_their_timeline_has_a_sentence_of_its_own() {
        let (mut english, mut french) = (BTreeSet::new(), BTreeSet::new());
        for action in AuditAction::ALL {
            let words = sentence(*action, None);
            if NOBODYS.contains(action) {
                assert_eq!(words.en, sentences::GENERAL.0, "{action} is on somebody's timeline");
                continue;
            }
            assert_ne!(words.en, sentences::GENERAL.0, "{action} has no sentence");
            assert!(english.insert(words.en), "{action} reads like another in English");
            assert!(french.insert(words.fr), "{action} reads like another in French");
        }
        let own = AuditAction::ALL.len() - NOBODYS.len();
        assert_eq!((english.len(), french.len()), (own, own));
    }

    #[test]
    fn a_session_that_ended_tells_why() {
        let unexplained = sentence(AuditAction::SessionEnded, None);
        let (mut english, mut french) = (BTreeSet::new(), BTreeSet::new());
        for reason in SessionEnd::ALL {
            let words = sentence(AuditAction::SessionEnded, Some(*reason));
            assert_ne!(words.en, unexplained.en, "{reason} is not told");
            assert!(english.insert(words.en), "{reason} reads like another in English");
            assert!(french.insert(words.fr), "{reason} reads like another in French");
        }
        let elsewhere = sentence(AuditAction::SessionOpened, Some(SessionEnd::TokenReused));
        assert_eq!(elsewhere.en, "A sign-in.", "a reason is that of an end");
    }
}
