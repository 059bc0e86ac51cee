//! Letters: subject, text and HTML of a message, made from templates in the person's language.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, merge_maps};
use minijinja::{Environment, Error, UndefinedBehavior, context};
use shinkofa_contracts::auth::{AccountLetter, SignInPlace};
use shinkofa_contracts::booking::ReservationDetails;
use shinkofa_contracts::credits::PaymentPaid;

use super::wording::Wording;
use super::{Addressee, Occasion, one_line};

/// What a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// In whose name and when a letter is written.
#[derive(Clone, Debug)]
pub struct Letterhead<'a> {
    /// The tenant's name.
    pub studio: &'a str,
    pub zone: Tz,
    pub written_at: DateTime<Utc>,
    /// The one link of the letter, where its kind has one. Serialised by the `url` crate.
    pub link: Option<&'a str>,
    /// What the reader types, where its kind has something.
    pub code: Option<&'a str>,
}

/// All templates, compiled.
#[derive(Clone, Debug)]
pub struct LetterTemplates(Environment<'static>);

/// Both forms of each kind in both languages, by the kind's own name.
macro_rules! sources {
    ($($name:literal),+ $(,)?) => {
        [$(
            (concat!("fr/", $name, ".txt"), include_str!(concat!("../../templates/fr/", $name, ".txt"))),
            (concat!("fr/", $name, ".html"), include_str!(concat!("../../templates/fr/", $name, ".html"))),
            (concat!("en/", $name, ".txt"), include_str!(concat!("../../templates/en/", $name, ".txt"))),
            (concat!("en/", $name, ".html"), include_str!(concat!("../../templates/en/", $name, ".html"))),
        )+]
    };
}

impl LetterTemplates {
    /// Compiles the templates that the binary carries. HTML is escaped by the file's ending; a variable that nobody
    /// filled is an error and never an empty place.
    pub fn load() -> Result<Self, Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        templates.add_template("layout.txt", include_str!("../../templates/layout.txt"))?;
        templates.add_template("layout.html", include_str!("../../templates/layout.html"))?;
        templates.add_template("parts.html", include_str!("../../templates/parts.html"))?;
        for (name, source) in sources![
            "email_verification",
            "signup_known_address",
            "password_reset",
            "password_changed",
            "magic_link",
            "sign_in_code",
            "provider_linked",
            "provider_unlinked",
            "second_factor_code",
            "factor_added",
            "factor_removed",
            "recovery_code_used",
            "recovery_codes_replaced",
            "email_change_confirmation",
            "email_changed",
            "email_change_taken",
            "new_sign_in",
            "token_reused",
            "impersonation_started",
            "api_key_created",
            "deletion_scheduled",
            "deletion_cancelled",
            "invitation",
            "payment_paid",
            "reservation_confirmed",
            "reservation_cancelled",
            "reservation_rejected",
        ] {
            templates.add_template(name, source)?;
        }
        Ok(Self(templates))
    }

    /// Writes the letter about `occasion` to `addressee`.
    pub fn write(
        &self,
        head: &Letterhead<'_>,
        occasion: &Occasion,
        addressee: &Addressee,
    ) -> Result<Letter, Error> {
        let wording = Wording { locale: addressee.locale, zone: head.zone };
        let name = format!("{}/{}", addressee.locale, occasion.kind());
        let facts = merge_maps([
            context! {
                lang => addressee.locale.as_str(),
                studio => one_line(head.studio),
                name => addressee.name.as_deref().map(one_line).filter(|name| !name.is_empty()),
            },
            facts(occasion, head, wording),
            head.code.map_or_else(|| context! {}, |code| context! { code => code }),
        ]);

        let link = head.link.map_or_else(|| context! {}, |link| context! { link => link });
        let mut text = self
            .0
            .get_template(&format!("{name}.txt"))?
            .render_captured(merge_maps([facts.clone(), link]))?;
        let subject = one_line(&text.with_state_mut(|state| state.render_block("subject"))?);

        // A URL as the `url` crate writes it holds nothing that HTML reads, and keeps its slashes when it is not escaped.
        let safe = |link: &str| context! { link => Value::from_safe_string(link.to_owned()) };
        let link = head.link.map_or_else(|| context! {}, safe);
        let html_facts = merge_maps([facts, context! { subject => subject.as_str() }, link]);
        let html = self.0.get_template(&format!("{name}.html"))?.render(html_facts)?;
        Ok(Letter { subject, text: text.into_output(), html })
    }
}

fn facts(occasion: &Occasion, head: &Letterhead<'_>, wording: Wording) -> Value {
    match occasion {
        Occasion::EmailVerification { expires_at } => context! { expires_at => wording.instant(*expires_at) },
        Occasion::SignupKnownAddress => context! {},
        Occasion::Account { letter, place } => {
            merge_maps([account_facts(letter, wording), place_facts(place.as_ref(), wording)])
        }
        Occasion::PaymentPaid { payment } => payment_facts(payment, wording),
        Occasion::ReservationConfirmed { reservation } => {
            let refundable = reservation.credits > 0 && head.written_at < reservation.cancel_deadline;
            let cancel_until = refundable.then(|| wording.instant(reservation.cancel_deadline));
            merge_maps([reservation_facts(reservation, wording), context! { cancel_until }])
        }
        Occasion::ReservationCancelled { reservation, late, credits_refunded } => {
            let outcome = context! { late => *late, credits_refunded => *credits_refunded };
            merge_maps([reservation_facts(reservation, wording), outcome])
        }
        Occasion::ReservationRejected { reservation, reason } => {
            merge_maps([reservation_facts(reservation, wording), context! { reason => reason.as_str() }])
        }
    }
}

fn account_facts(letter: &AccountLetter, wording: Wording) -> Value {
    match letter {
        AccountLetter::PasswordReset { expires_at }
        | AccountLetter::MagicLink { expires_at }
        | AccountLetter::SignInCode { expires_at }
        | AccountLetter::SecondFactorCode { expires_at }
        | AccountLetter::EmailChangeConfirmation { expires_at }
        | AccountLetter::Invitation { expires_at } => {
            context! { expires_at => wording.instant(*expires_at) }
        }
        AccountLetter::ProviderLinked { provider } | AccountLetter::ProviderUnlinked { provider } => {
            context! { provider => one_line(provider) }
        }
        AccountLetter::FactorAdded { factor } | AccountLetter::FactorRemoved { factor } => {
            context! { factor => factor.as_str() }
        }
        AccountLetter::RecoveryCodeUsed { left } => context! { left => *left },
        AccountLetter::EmailChanged { undo_until } => {
            context! { undo_until => wording.instant(*undo_until) }
        }
        AccountLetter::NewSignIn { at, expires_at } | AccountLetter::TokenReused { at, expires_at } => {
            context! { at => wording.instant(*at), expires_at => wording.instant(*expires_at) }
        }
        AccountLetter::ImpersonationStarted { until } => context! { until => wording.instant(*until) },
        AccountLetter::ApiKeyCreated { account, prefix, expires_at } => context! {
            account => one_line(account),
            prefix => one_line(prefix),
            expires_at => wording.instant(*expires_at),
        },
        AccountLetter::DeletionScheduled { erases_at } => {
            context! { erases_at => wording.instant(*erases_at) }
        }
        AccountLetter::PasswordChanged
        | AccountLetter::RecoveryCodesReplaced
        | AccountLetter::EmailChangeTaken
        | AccountLetter::DeletionCancelled => context! {},
    }
}

/// Events that were written before they told a place have none.
fn place_facts(place: Option<&SignInPlace>, wording: Wording) -> Value {
    let device =
        |place: &SignInPlace| one_line(&wording.device(place.program.as_deref(), place.system.as_deref()));
    context! {
        device => place.map(device),
        network => place.and_then(|place| place.network.as_deref()).map(one_line),
    }
}

fn payment_facts(payment: &PaymentPaid, wording: Wording) -> Value {
    context! {
        package => one_line(&payment.package_name),
        credits => payment.credits,
        amount => wording.amount(payment.amount_minor, payment.currency),
        valid_until => payment.expires_at.map(|at| wording.instant(at)),
    }
}

fn reservation_facts(reservation: &ReservationDetails, wording: Wording) -> Value {
    context! {
        class_title => one_line(&reservation.class_title),
        day => wording.day(reservation.starts_at),
        when => wording.span(reservation.starts_at, reservation.ends_at),
        location => reservation.location.as_deref().map(one_line).filter(|location| !location.is_empty()),
        seats => reservation.seats,
        credits => reservation.credits,
    }
}

#[cfg(test)]
mod tests;
