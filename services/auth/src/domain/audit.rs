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
        PasswordResetRequested => "account.password_reset_requested",
        PasswordReset => "account.password_reset",
        PasswordChanged => "account.password_changed",
        EmailChangeRequested => "account.email_change_requested",
        EmailChanged => "account.email_changed",
        EmailChangeUndone => "account.email_change_undone",
        /// An account that nobody ever confirmed gave its address up to somebody who showed that it is theirs.
        AddressReleased => "account.address_released",
        ProfileChanged => "account.profile_changed",
        SessionsEnded => "account.sessions_ended",
        /// Its owner said that something on the timeline was not them.
        NotMeReported => "account.not_me_reported",
        RolesSet => "membership.roles_set",
        SessionOpened => "session.opened",
        SessionRotated => "session.rotated",
        /// The previous token was presented again in time, and got the current one.
        SessionRepeated => "session.repeated",
        SessionEnded => "session.ended",
        SessionNamed => "session.named",
    }
}

text_enum! {
    /// What a change happened to.
    AuditSubject {
        User => "user",
        Session => "session",
    }
}
