//! What the register of processing says beside the columns (article 30 of the GDPR): who answers for it, whom auth tells, and how data
//! is kept safe.

use serde::Serialize;
use shinkofa_contracts::auth::SERVICE;
use shinkofa_contracts::privacy::{Country, Recipient};
use shinkofa_runtime::Environment;
use utoipa::ToSchema;

use crate::domain::provider::Provider;
use crate::leaks::Leaks;
use crate::providers::Providers;

/// What the operator says, and what follows from it.
#[derive(Debug)]
pub struct Register {
    pub controller: Responsible,
    pub data_protection_officer: Option<Responsible>,
    /// With the provider that it is, where it is one: it may be switched off.
    recipients: Vec<(Option<Provider>, Recipient)>,
}

/// Somebody to turn to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Responsible {
    #[schema(example = "Studio Élan SARL")]
    name: String,
    /// As the operator gives it: an address, by mail or by post.
    #[schema(example = "privacy@elan.example")]
    contact: String,
}

/// A measure that protects data (article 32).
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SecurityMeasure {
    #[schema(example = "passwords")]
    measure: &'static str,
    #[schema(example = "kept as Argon2id hashes; common and leaked ones are refused")]
    description: &'static str,
}

/// What the platform does wherever it runs.
pub const SECURITY_MEASURES: [SecurityMeasure; 9] = [
    measure("transport", "requests from outside come through one gateway, over TLS"),
    measure("passwords", "kept as Argon2id hashes; common and leaked ones are refused"),
    measure(
        "second factors",
        "authenticator apps, passkeys and codes by mail; admins and managers cannot do without",
    ),
    measure("guessing", "attempts are limited by network and account, and slowed down progressively"),
    measure("secrets at rest", "what proves a second factor, and links and codes on their way, is encrypted"),
    measure("separation of studios", "the database itself shows a request the rows of one studio alone"),
    measure("least privilege", "each service has a database role of its own, which sees its own data alone"),
    measure("revocation", "a session that ends is refused by every service within seconds"),
    measure("accountability", "changes are written into a trail that nobody can alter unnoticed"),
];

const fn measure(measure: &'static str, description: &'static str) -> SecurityMeasure {
    SecurityMeasure { measure, description }
}

const RANGES: [&str; 3] = [
    "the service that knows leaked passwords",
    "refusing passwords that others know",
    "the first five of forty digits of a digest of the password, and nothing of whose it is",
];
const CONNECTED: [&str; 3] = [
    "programs that a studio connects: receivers of webhooks, identity providers",
    "what the studio connects them for",
    "ids of people and what happened to them; to an identity provider what it said itself",
];

impl Register {
    /// `PRIVACY_CONTROLLER_NAME` and `_CONTACT`, which only an installation for development may do without; `PRIVACY_DPO_NAME` and
    /// `_CONTACT` where there is a data protection officer; and the countries of those whom auth tells.
    pub fn read(
        environment: &mut Environment,
        base_domain: &str,
        (providers, leaks): (&Providers, &Leaks),
    ) -> Self {
        Self {
            controller: controller(environment, base_domain),
            data_protection_officer: responsible(environment, "PRIVACY_DPO"),
            recipients: recipients(environment, (providers, leaks)),
        }
    }

    /// Whom auth tells something of people, but for providers that are switched off.
    pub fn recipients(&self, switched_off: &[Provider]) -> Vec<Recipient> {
        let is_on = |provider: &Option<Provider>| provider.is_none_or(|one| !switched_off.contains(&one));
        let told = self.recipients.iter().filter(|(provider, _)| is_on(provider));
        told.map(|(_, recipient)| recipient.clone()).collect()
    }
}

fn controller(environment: &mut Environment, base_domain: &str) -> Responsible {
    if let Some(controller) = responsible(environment, "PRIVACY_CONTROLLER") {
        return controller;
    }
    if !base_domain.ends_with(".localhost") {
        environment.fault(
            "PRIVACY_CONTROLLER_NAME and PRIVACY_CONTROLLER_CONTACT are not set, and only a base domain that ends in .localhost may do without",
        );
    }
    Responsible {
        name: "nobody: a placeholder of an installation for development".to_owned(),
        contact: "none: a placeholder of an installation for development".to_owned(),
    }
}

/// `<who>_NAME` and `<who>_CONTACT`: both or neither.
fn responsible(environment: &mut Environment, who: &str) -> Option<Responsible> {
    let (name_in, contact_in) = (format!("{who}_NAME"), format!("{who}_CONTACT"));
    match (environment.optional(&name_in), environment.optional(&contact_in)) {
        (Some(name), Some(contact)) => Some(Responsible { name, contact }),
        (None, None) => None,
        (Some(_), None) => {
            environment.fault(format!("{name_in} is set without {contact_in}"));
            None
        }
        (None, Some(_)) => {
            environment.fault(format!("{contact_in} is set without {name_in}"));
            None
        }
    }
}

fn recipients(
    environment: &mut Environment,
    (providers, leaks): (&Providers, &Leaks),
) -> Vec<(Option<Provider>, Recipient)> {
    let mut told = Vec::new();
    for provider in Provider::ALL.iter().copied().filter(|provider| providers.get(*provider).is_some()) {
        let setting = format!("OAUTH_{}_COUNTRY", provider.as_str().to_ascii_uppercase());
        let country = environment.parsed_optional::<Country>(&setting);
        let what = [
            provider.title(),
            "signing in with an account elsewhere",
            "that the person signs in here, and when, for those who choose to",
        ];
        told.push((Some(provider), Recipient::new(SERVICE, what, country)));
    }
    if leaks.asks_elsewhere() {
        let country = environment.parsed_optional::<Country>("BREACHED_PASSWORDS_COUNTRY");
        told.push((None, Recipient::new(SERVICE, RANGES, country)));
    }
    // Wherever the studio has them.
    told.push((None, Recipient::new(SERVICE, CONNECTED, None)));
    told
}
