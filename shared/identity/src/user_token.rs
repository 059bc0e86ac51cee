//! Access tokens of people: HS256 JWTs in the profile of RFC 9068, issued by auth and verified by every service.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::dangerous::insecure_decode;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Deserializer, Serialize};
use shinkofa_kernel::{Clock, Role, SessionId, TenantId, Tier, UserId, defended};
use uuid::Uuid;

use crate::Keyring;

/// Everything an access token says. `userId` and `user_id` repeat `sub` for older clients.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserClaims {
    pub iss: String,
    pub aud: Vec<String>,
    pub sub: UserId,
    #[serde(rename = "userId")]
    pub user_id_camel: UserId,
    #[serde(rename = "user_id")]
    pub user_id_snake: UserId,
    pub email: String,
    pub email_verified: bool,
    pub roles: Vec<Role>,
    /// The roles that the tenant made itself, by name: what they allow is looked up in [`RoleDirectory`](crate::RoleDirectory).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_roles: Vec<String>,
    pub tier: Tier,
    pub tenant_id: TenantId,
    pub sid: SessionId,
    pub jti: Uuid,
    /// The user's token version: raised by whatever must end all earlier tokens.
    pub tv: i32,
    /// How the person proved who they are (RFC 8176).
    pub amr: Vec<String>,
    pub acr: AssuranceLevel,
    /// What a step-up takes of this account: whoever has a second factor has to show it. A token that does not say counts
    /// as one of such an account.
    #[serde(default = "two_factors")]
    pub step_up: AssuranceLevel,
    pub auth_time: i64,
    pub acct: String,
    /// Who acts in the person's place (RFC 8693 section 4.1). Such a token is always read-only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActingParty>,
    /// Good for looking, not for changing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ro: bool,
    /// What a service account may do: names of permissions, with a space between (RFC 8693 section 4.2). The tokens of people
    /// have none: their roles say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The public part of the key that a service account showed (RFC 8693 section 4.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(deserialize_with = "seconds")]
    pub iat: i64,
    #[serde(deserialize_with = "seconds")]
    pub nbf: i64,
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
}

/// A whole number and nothing else: a time that cannot be read is not one that may be passed over (CVE-2026-25537).
fn seconds<'de, D: Deserializer<'de>>(claim: D) -> Result<i64, D::Error> {
    if defended!("V10-type") {
        return i64::deserialize(claim);
    }
    Ok(serde_json::Value::deserialize(claim)?.as_i64().unwrap_or_default())
}

/// Somebody of the staff who sees the platform as the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActingParty {
    pub sub: UserId,
}

/// How sure auth was at sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssuranceLevel {
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
}

impl AssuranceLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

const fn two_factors() -> AssuranceLevel {
    AssuranceLevel::Aal2
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not one of ours")]
    Invalid,
    #[error("the token has expired")]
    Expired,
}

/// Verifies user tokens, and signs them in auth.
#[derive(Clone, Debug)]
pub struct UserTokens {
    keyring: Keyring,
    issuer: String,
    clock: Clock,
}

const AUDIENCE: &str = "platform";
/// Of the tokens that open nothing but the enrolment of a second factor. Whoever verifies tokens without knowing of them
/// refuses them as another's.
const ENROLMENT_AUDIENCE: &str = "enrolment";
/// Of the tokens of a member of nothing, which open their account and nothing else; refused in the same way.
const ACCOUNT_AUDIENCE: &str = "account";
/// RFC 9068 section 2.1.
const TOKEN_TYPE: &str = "at+jwt";
/// Clocks of two machines may differ by this much.
const LEEWAY_SECONDS: i64 = 30;
/// No token of a person lives longer, whoever signed it: what was revoked this long ago has nothing left to revoke.
pub const LONGEST_TOKEN: TimeDelta = TimeDelta::hours(1);

impl UserTokens {
    pub fn new(keyring: Keyring, issuer: impl Into<String>, clock: Clock) -> Self {
        Self { keyring, issuer: issuer.into(), clock }
    }

    /// Checks signature, type, issuer, audience and times. Revocation is checked by the extractors.
    pub fn verify(&self, token: &str) -> Result<UserClaims, TokenError> {
        self.verify_for(AUDIENCE, token)
    }

    /// The same for a token that opens enrolment only.
    pub fn verify_for_enrolment(&self, token: &str) -> Result<UserClaims, TokenError> {
        self.verify_for(ENROLMENT_AUDIENCE, token)
    }

    /// The same for a token that opens the account alone.
    pub fn verify_for_account(&self, token: &str) -> Result<UserClaims, TokenError> {
        self.verify_for(ACCOUNT_AUDIENCE, token)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn verify_for(&self, audience: &str, token: &str) -> Result<UserClaims, TokenError> {
        let claims: UserClaims = decode(&self.keyring, token, TOKEN_TYPE, &self.issuer, audience)?;
        let consistent = claims.sub == claims.user_id_camel
            && claims.sub == claims.user_id_snake
            && (claims.act.is_none() || claims.ro);
        if !consistent {
            return Err(TokenError::Invalid);
        }
        let times = (claims.iat, claims.nbf, claims.exp);
        check_times(self.clock.now(), times, LONGEST_TOKEN.num_seconds())?;
        Ok(claims)
    }

    /// Signs `claims` with the first key of the keyring; issuer and audience are ours whatever they say.
    #[cfg(feature = "issue")]
    pub fn sign(&self, claims: UserClaims) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign_for(AUDIENCE, claims)
    }

    /// Signs a token for somebody who has to enrol a second factor first. It carries no role at all.
    #[cfg(feature = "issue")]
    pub fn sign_for_enrolment(&self, mut claims: UserClaims) -> Result<String, jsonwebtoken::errors::Error> {
        claims.roles.clear();
        claims.custom_roles.clear();
        self.sign_for(ENROLMENT_AUDIENCE, claims)
    }

    /// Signs a token for a member of nothing. It carries no role either.
    #[cfg(feature = "issue")]
    pub fn sign_for_account(&self, mut claims: UserClaims) -> Result<String, jsonwebtoken::errors::Error> {
        claims.roles.clear();
        claims.custom_roles.clear();
        self.sign_for(ACCOUNT_AUDIENCE, claims)
    }

    #[cfg(feature = "issue")]
    fn sign_for(
        &self,
        audience: &str,
        mut claims: UserClaims,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        claims.iss.clone_from(&self.issuer);
        claims.aud = vec![audience.to_owned()];
        encode(&self.keyring, TOKEN_TYPE, &claims)
    }
}

/// In seconds. A life counts from `iat`: what `nbf` says makes no token live longer.
pub(crate) fn check_times(
    now: DateTime<Utc>,
    (iat, nbf, exp): (i64, i64, i64),
    longest: i64,
) -> Result<(), TokenError> {
    if !defended!("V10-bounds") {
        return Ok(());
    }
    let now = now.timestamp();
    let sane = iat >= 0 && nbf >= 0 && exp > iat && exp - iat <= longest;
    if !sane || nbf > now + LEEWAY_SECONDS || iat > now + LEEWAY_SECONDS {
        return Err(TokenError::Invalid);
    }
    if exp <= now { Err(TokenError::Expired) } else { Ok(()) }
}

/// The header's algorithm, type and key are compared with what we sign, never followed; `jwk`, `jku` and `x5u` are
/// not read at all.
pub(crate) fn decode<C: serde::de::DeserializeOwned>(
    keyring: &Keyring,
    token: &str,
    token_type: &str,
    issuer: &str,
    audience: &str,
) -> Result<C, TokenError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
    let algorithm = if defended!("V09-alg") { Algorithm::HS256 } else { header.alg };
    let typed = header.typ.as_deref() == Some(token_type) || !defended!("V09-typ");
    if header.alg != algorithm || !typed {
        return Err(TokenError::Invalid);
    }
    // An extension that must be understood (RFC 7515 section 4.1.11), and we understand none.
    if header.crit.is_some() {
        return Err(TokenError::Invalid);
    }
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.validate_aud = defended!("V15-audience");
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The injected clock decides about time, after this.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let decode_with = |key| jsonwebtoken::decode::<C>(token, key, &validation).map(|data| data.claims).ok();
    let keys = keyring.keys();
    let claims = match &header.kid {
        _ if !defended!("V09-signature") => insecure_decode(token).map(|data| data.claims).ok(),
        Some(kid) if defended!("V09-kid") => keys.verifying(kid).and_then(decode_with),
        _ => keys.newest_two().find_map(decode_with),
    };
    claims.ok_or(TokenError::Invalid)
}

pub(crate) fn encode<C: Serialize>(
    keyring: &Keyring,
    token_type: &str,
    claims: &C,
) -> Result<String, jsonwebtoken::errors::Error> {
    let keys = keyring.keys();
    let (kid, key) = keys.signing();
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    header.typ = Some(token_type.to_owned());
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, key)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const HOUR: i64 = 3_600;
    const OURS: &str = "https://app.example.org";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }

    fn tokens() -> UserTokens {
        let secret: Vec<u8> = (0..48).map(|n: u8| n.wrapping_mul(73).wrapping_add(17)).collect();
        let keyring = Keyring::parse(&format!("test:{}", STANDARD.encode(secret))).unwrap();
        UserTokens::new(keyring, OURS, Clock::manual(now()))
    }

    /// What auth may say of somebody, in a token that is good for a second more.
    fn claims() -> impl Strategy<Value = UserClaims> {
        let words = || prop::collection::vec(".{0,12}", 0..4);
        let text = || ".{0,40}";
        let said = (text(), prop::option::of(text()), words(), words());
        (any::<[u128; 4]>(), said, any::<(i32, i64, bool, bool)>(), 1..=HOUR).prop_map(
            |(
                [user, tenant, session, id],
                (email, scope, amr, custom_roles),
                (tv, auth_time, verified, ro),
                life,
            )| {
                let user = UserId::from_uuid(Uuid::from_u128(user));
                UserClaims {
                    iss: OURS.to_owned(),
                    aud: vec![AUDIENCE.to_owned()],
                    sub: user,
                    user_id_camel: user,
                    user_id_snake: user,
                    email,
                    email_verified: verified,
                    roles: vec![Role::Member],
                    custom_roles,
                    tier: Tier::Free,
                    tenant_id: TenantId::from_uuid(Uuid::from_u128(tenant)),
                    sid: SessionId::from_uuid(Uuid::from_u128(session)),
                    jti: Uuid::from_u128(id),
                    tv,
                    amr,
                    acr: AssuranceLevel::Aal1,
                    step_up: AssuranceLevel::Aal2,
                    auth_time,
                    acct: "member".to_owned(),
                    act: ro.then_some(ActingParty { sub: user }),
                    ro,
                    client_id: scope.clone(),
                    scope,
                    iat: NOW + 1 - life,
                    nbf: NOW + 1 - life,
                    exp: NOW + 1,
                }
            },
        )
    }

    /// Times about now, and any others.
    fn time() -> impl Strategy<Value = i64> {
        let about_now = NOW - HOUR - 40..NOW + HOUR + 40;
        prop_oneof![about_now, any::<i64>(), prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX])]
    }

    proptest! {
        #[test]
        fn a_token_says_what_was_signed_and_only_to_whom(claims in claims()) {
            let tokens = tokens();
            let token = encode(&tokens.keyring, TOKEN_TYPE, &claims).unwrap();
            let read = tokens.verify(&token).unwrap();
            prop_assert_eq!(serde_json::to_value(read).unwrap(), serde_json::to_value(claims).unwrap());
            prop_assert!(tokens.verify_for_enrolment(&token).is_err());
            prop_assert!(tokens.verify_for_account(&token).is_err());
        }

        #[test]
        fn whatever_the_times_are_is_no_fault_and_nothing_lives_too_long(iat in time(), nbf in time(), exp in time()) {
            let has_begun = |at: i64| (0..=NOW + LEEWAY_SECONDS).contains(&at);
            let is_good = has_begun(iat) && has_begun(nbf) && exp > iat && exp - iat <= HOUR && exp > NOW;
            prop_assert_eq!(check_times(now(), (iat, nbf, exp), HOUR).is_ok(), is_good);
        }
    }
}
