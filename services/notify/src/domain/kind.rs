//! The kinds of messages, and which of them a person may do without.

use shinkofa_kernel::text_enum;

text_enum! {
    /// What a message is about.
    Kind {
        EmailVerification => "email_verification",
        SignupKnownAddress => "signup_known_address",
        PasswordReset => "password_reset",
        PasswordChanged => "password_changed",
        MagicLink => "magic_link",
        SignInCode => "sign_in_code",
        ProviderLinked => "provider_linked",
        ProviderUnlinked => "provider_unlinked",
        SecondFactorCode => "second_factor_code",
        FactorAdded => "factor_added",
        FactorRemoved => "factor_removed",
        RecoveryCodeUsed => "recovery_code_used",
        RecoveryCodesReplaced => "recovery_codes_replaced",
        EmailChangeConfirmation => "email_change_confirmation",
        EmailChanged => "email_changed",
        EmailChangeTaken => "email_change_taken",
        NewSignIn => "new_sign_in",
        TokenReused => "token_reused",
        ImpersonationStarted => "impersonation_started",
        ApiKeyCreated => "api_key_created",
        DeletionScheduled => "deletion_scheduled",
        DeletionCancelled => "deletion_cancelled",
        Invitation => "invitation",
        PaymentPaid => "payment_paid",
        ReservationConfirmed => "reservation_confirmed",
        ReservationCancelled => "reservation_cancelled",
        ReservationRejected => "reservation_rejected",
    }
}

text_enum! {
    /// How a message travels.
    Channel {
        Email => "email",
    }
}

impl Kind {
    /// May the person switch it off?
    ///
    /// Only what repeats to a member the outcome of their own act is optional. A link that was asked for, a warning about
    /// the account, a receipt, and the refusal of a booking that was first taken are owed.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::ReservationConfirmed | Self::ReservationCancelled)
    }
}
