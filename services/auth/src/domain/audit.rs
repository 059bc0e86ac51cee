//! What the audit trail tells.

use shinkofa_kernel::text_enum;

text_enum! {
    /// One kind of change. Stable: the trail is never rewritten.
    AuditAction {
        AccountCreated => "account.created",
        VerificationRequested => "account.verification_requested",
        EmailVerified => "account.email_verified",
        PasswordSet => "account.password_set",
        PasswordRehashed => "account.password_rehashed",
        RolesSet => "membership.roles_set",
        SessionOpened => "session.opened",
        SessionRotated => "session.rotated",
        /// The previous token was presented again in time, and got the current one.
        SessionRepeated => "session.repeated",
        SessionEnded => "session.ended",
        MembershipLocked => "membership.locked",
        MembershipUnlocked => "membership.unlocked",
        /// By somebody of the staff, everywhere in the tenant.
        SignedOutByStaff => "membership.signed_out",
        ImpersonationStarted => "impersonation.started",
        BanPlaced => "ban.placed",
        BanLifted => "ban.lifted",
        TemporaryCreated => "account.temporary_created",
        TemporaryPurged => "account.temporary_purged",
        ConsentGranted => "consent.granted",
        ConsentWithdrawn => "consent.withdrawn",
        AccountExported => "account.exported",
        DeletionRequested => "account.deletion_requested",
        DeletionCancelled => "account.deletion_cancelled",
        /// Auth has forgotten the person and told the other services to.
        ErasureStarted => "account.erasure_started",
        /// Every service has confirmed.
        AccountErased => "account.erased",
    }
}

text_enum! {
    /// What a change happened to.
    AuditSubject {
        User => "user",
        Session => "session",
        Ban => "ban",
    }
}
