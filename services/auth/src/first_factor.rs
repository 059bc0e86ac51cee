//! What follows a right first factor, whichever it was: a session, or the question for a second one. Every way of signing
//! in ends here, so that none of them leaves the second factor out.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use shinkofa_db::{Connection, together};
use shinkofa_identity::AssuranceLevel;
use shinkofa_kernel::{Actor, Role, TenantId, defended};
use utoipa::ToSchema;

use crate::Auth;
use crate::account_only::or_account_only;
use crate::attempts::Attempts;
use crate::db::memberships::{self, HeldPerson};
use crate::db::one_time_tokens::{self, NewToken, TokenGrant};
use crate::db::users::Account;
use crate::db::{factors, recovery_codes, remembered_devices};
use crate::domain::account::{AccountKind, FactorKind};
use crate::domain::device::{DeviceBinding, Digest, Surroundings, digest_from_hex};
use crate::domain::lockout;
use crate::domain::one_time_token::{OneTimeToken, TokenPurpose};
use crate::domain::proof::{AuthMethod, Proof};
use crate::domain::second_factor::{Asked, RememberedFactor, asked_for, is_mandatory, shown_by};
use crate::error::Error;
use crate::session_opening::{Newcomer, Opening, TokenAnswer, look_at, open, require_active};

/// Somebody who has passed one factor.
pub struct FirstFactor<'a> {
    pub account: &'a Account,
    pub method: AuthMethod,
    /// What a whole sign-in ends.
    pub attempts: &'a Attempts,
    pub binding: &'a DeviceBinding,
    pub surroundings: &'a Surroundings,
    /// The proof that the device was remembered, where it sent one.
    pub device_token: Option<&'a OneTimeToken>,
}

/// Signed in, or half way.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    SignedIn(Box<TokenAnswer>),
    SecondFactorNeeded(SecondFactorNeeded),
}

/// The first factor was right; now a second factor.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorNeeded {
    #[schema(example = true)]
    mfa_required: bool,
    /// Good for five minutes, for `POST /api/auth/signin/mfa` alone, and there for five codes.
    #[schema(example = "Zm9yLW9uZS1zdGVwLWFuZC1ub3RoaW5nLWVsc2UtMDE")]
    mfa_token: String,
    /// What the code may come from. For `email_code` ask for one first: `POST /api/auth/signin/mfa/email`.
    methods: Vec<FactorKind>,
}

/// Opens a session, unless the person has a second factor: no first one goes around it. The caller's transaction sees the
/// realm and the tenant.
pub async fn pass(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    first: &FirstFactor<'_>,
) -> Result<SignInAnswer, Error> {
    let held = hold(tx, auth, tenant, first).await?;
    pass_held(tx, auth, tenant, (first, held)).await
}

/// A factor that is being added, or another password, ends all sessions: it must not miss one that was opened without it
/// meanwhile.
pub async fn hold(
    tx: &Connection,
    auth: &Auth,
    tenant: TenantId,
    first: &FirstFactor<'_>,
) -> Result<Option<HeldPerson>, Error> {
    Ok(memberships::hold_person(tx, (auth.realm, tenant, first.account.id)).await?)
}

/// The same for whoever is held until the transaction ends.
pub async fn pass_held(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    (first, held): (&FirstFactor<'_>, Option<HeldPerson>),
) -> Result<SignInAnswer, Error> {
    let user = first.account.id;
    // A service account has keys, and no other way in.
    let is_machine = first.account.kind == AccountKind::Service;
    if is_machine || !first.account.is_usable(auth.platform.clock.now()) {
        return Err(Error::AccountSuspended);
    }
    // What was shown was right for the account as it was read then.
    let is_as_before = |held: &HeldPerson| held.token_version == first.account.token_version;
    if defended!("V13-waiting") && !held.as_ref().is_some_and(is_as_before) {
        return Err(Error::WrongCredentials);
    }
    let alone = if held.is_some_and(|held| held.is_member) {
        None
    } else {
        Some(or_account_only(tx, tenant, first.account, None).await?.ok_or(Error::NotAMember)?)
    };
    let newcomer = Newcomer {
        user,
        assurance: first.method.assurance(),
        binding: first.binding,
        surroundings: first.surroundings,
    };
    let (membership, looked) = together!(
        async { Ok(memberships::find(tx, tenant, user).await?) },
        look_at(tx, auth, tenant, &newcomer),
    )?;
    let membership = or_account_only(tx, tenant, first.account, alone.or(membership)).await?;
    let membership = membership.ok_or(Error::NotAMember)?;
    require_active(&membership)?;
    let weight = membership.authority().weight();
    let asked = match first.method.assurance() {
        AssuranceLevel::Aal1 => {
            asked_of(tx, auth, (first.account, &looked.kinds), &weight, first.method.as_str()).await?
        }
        // Two factors in one step.
        AssuranceLevel::Aal2 => Asked::Nothing,
    };
    match asked {
        Asked::SameChannel => return Err(Error::SameChannel),
        Asked::OneOf(methods) if !is_remembered(tx, auth, first, &weight).await? => {
            let challenge = challenge(tx, auth, tenant, first, methods).await?;
            return Ok(SignInAnswer::SecondFactorNeeded(challenge));
        }
        Asked::OneOf(_) | Asked::Nothing => {}
    }
    first.attempts.end(tx, auth).await?;
    let trail = auth.trail(tenant, Actor::user(user));
    let opening = Opening {
        account: first.account,
        membership: &membership,
        binding: first.binding,
        surroundings: first.surroundings,
        proof: Proof::first(first.method),
    };
    Ok(SignInAnswer::SignedIn(Box::new(open(tx, auth, &trail, (&opening, &looked)).await?)))
}

/// What is asked of this account after a first step by `methods`.
pub async fn asked(
    tx: &mut Connection,
    auth: &Auth,
    account: &Account,
    roles: &[Role],
    methods: &str,
) -> Result<Asked, Error> {
    let kinds = factors::confirmed_kinds(tx, auth.realm, account.id).await?;
    asked_of(tx, auth, (account, &kinds), roles, methods).await
}

async fn asked_of(
    tx: &mut Connection,
    auth: &Auth,
    (account, kinds): (&Account, &[FactorKind]),
    roles: &[Role],
    methods: &str,
) -> Result<Asked, Error> {
    if kinds.is_empty() {
        return Ok(Asked::Nothing);
    }
    let left = recovery_codes::left(tx, auth.realm, account.id).await?;
    Ok(asked_for(kinds, left, roles, &shown_by(methods, account.password_by_mail)))
}

/// What a device calls itself proves nothing: it has to show what it was given, and stands for the factor that it was given
/// it for. Those for whom a second factor is mandatory show it every time.
async fn is_remembered(
    tx: &mut Connection,
    auth: &Auth,
    first: &FirstFactor<'_>,
    roles: &[Role],
) -> Result<bool, Error> {
    let (Some(token), Some(device)) = (first.device_token, first.binding.device) else { return Ok(false) };
    if is_mandatory(roles) {
        return Ok(false);
    }
    let account = (auth.realm, first.account.id, first.account.token_version);
    let (now, proof) = (auth.platform.clock.now(), (&token.digest(), &device));
    let factors = RememberedFactor::standing_after(first.method.as_str());
    Ok(remembered_devices::recognise(tx, account, proof, &factors, now).await?)
}

/// What the token between the steps says of the first one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstStepNote {
    methods: String,
    /// In hex.
    subject: String,
}

/// The first step as the second one finds it.
pub struct PassedStep {
    pub methods: String,
    /// Among whose failed attempts a wrong second step counts.
    pub subjects: Vec<Digest>,
}

impl PassedStep {
    pub fn of(grant: &TokenGrant, account: &Account) -> Self {
        let note = grant.about.clone().and_then(|about| serde_json::from_value::<FirstStepNote>(about).ok());
        let subject = note.as_ref().and_then(|note| digest_from_hex(&note.subject));
        let everywhere = lockout::subject(&account.email_canonical, None);
        let subject = subject.unwrap_or(everywhere);
        let of_person =
            (subject == everywhere && defended!("V14-person")).then(|| lockout::second_factor(account.id));
        Self {
            // What is not known counts as a step by mail: no mailed code follows it.
            methods: note.map_or_else(|| "unknown".to_owned(), |note| note.methods),
            subjects: std::iter::once(subject).chain(of_person).collect(),
        }
    }
}

/// The first step alone opens nothing: the failed attempts stay counted until the second factor was right as well.
async fn challenge(
    tx: &mut Connection,
    auth: &Auth,
    tenant: TenantId,
    first: &FirstFactor<'_>,
    methods: Vec<FactorKind>,
) -> Result<SecondFactorNeeded, Error> {
    let now = auth.platform.clock.now();
    let token = OneTimeToken::from_random(auth.randomness.bytes()?);
    let note = serde_json::json!(FirstStepNote {
        methods: first.method.as_str().to_owned(),
        subject: hex::encode(first.attempts.subject),
    });
    let row = NewToken {
        realm_id: auth.realm,
        purpose: TokenPurpose::SecondFactor,
        token_hash: token.digest().to_vec(),
        user_id: first.account.id,
        for_tenant: tenant,
        signup_id: None,
        device_hash: first.binding.device.map(|device| device.to_vec()),
        created_at: now,
        expires_at: now + TokenPurpose::SecondFactor.lifetime(),
        about: Some(note),
    };
    one_time_tokens::insert(tx, &row).await?;
    Ok(SecondFactorNeeded { mfa_required: true, mfa_token: token.as_str().to_owned(), methods })
}

/// The answer of every way of signing in, counted.
pub fn respond(result: Result<SignInAnswer, Error>) -> Result<HttpResponse, Error> {
    metrics::counter!("auth_logins_total", "outcome" => outcome(&result)).increment(1);
    Ok(match result? {
        SignInAnswer::SignedIn(answer) => answer.respond(StatusCode::OK),
        half_way @ SignInAnswer::SecondFactorNeeded(_) => {
            HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(half_way)
        }
    })
}

fn outcome(result: &Result<SignInAnswer, Error>) -> &'static str {
    match result {
        Ok(SignInAnswer::SignedIn(_)) => "signed_in",
        Ok(SignInAnswer::SecondFactorNeeded(_)) => "second_factor_needed",
        Err(
            Error::WrongCredentials
            | Error::CodeRefused
            | Error::VerifierRefused
            | Error::PasskeyRefused
            | Error::PasskeyCloned,
        ) => "wrong_credentials",
        Err(Error::LinkGone | Error::ChallengeGone) => "gone",
        Err(Error::AccountSuspended | Error::NotAMember | Error::TenantClosed | Error::SameChannel) => {
            "not_allowed"
        }
        Err(Error::Locked { .. }) => "locked",
        Err(Error::Refused(_)) => "limited",
        Err(Error::Busy) => "busy",
        Err(_) => "fault",
    }
}
