//! Who signs in: members with one session each, put there by SQL as auth itself would leave them, and the tokens they hold.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shinkofa_identity::{Keyring, SealingKey, UserTokens};
use shinkofa_kernel::{Clock, RealmId, SessionId, TenantId, UserId};
use uuid::Uuid;

use super::hash;
use crate::database::Database;
use crate::stack::Stack;
use crate::tokens::member_claims;

/// Everybody has an account, a device, a network and a session of their own: no limit per address or network and no lock
/// is ever near, and each is asked all the same.
pub const PEOPLE: u64 = 20_000;
/// Everybody's. The hash of it is computed once.
pub const PASSWORD: &str = "the same long sentence for everybody";
pub const USER_AGENT: &str = "bench/1";
/// Every session's; sealed for each of them, as auth does it.
const SESSION_KEY: [u8; 32] = *b"one key for the sessions of many";
/// Sessions that one statement makes.
const BATCH: u64 = 1_000;

/// The person of this number, from 1. Scripts make the same id with [`PERSON`].
pub fn person(number: u64) -> UserId {
    UserId::from_uuid(digits("0", number))
}

/// Their session. Scripts make the same id with [`SESSION`].
pub fn session(number: u64) -> SessionId {
    SessionId::from_uuid(digits("5", number))
}

/// Ids as SQL makes them out of `:person`.
pub const PERSON: &str = "lpad(:person, 32, '0')::uuid";
pub const SESSION: &str = "('5' || lpad(:person, 31, '0'))::uuid";

fn digits(first: &str, number: u64) -> Uuid {
    // The digits of a decimal number are hexadecimal digits as well.
    Uuid::parse_str(&format!("{first}{number:031}")).unwrap_or_default()
}

pub fn email(number: u64) -> String {
    format!("person-{number}@bench.invalid")
}

pub fn device(number: u64) -> String {
    format!("bench-device-{number}")
}

pub fn network(number: u64) -> Ipv4Addr {
    let host = u32::try_from(number).unwrap_or_default() & 0x00ff_ffff;
    Ipv4Addr::from_bits(0x0a00_0000 | host)
}

/// Makes everybody. Their passwords cost one hash in all.
pub async fn settle(stack: &Stack, database: &Database) -> Result<()> {
    let (realm, tenant) = (RealmId::DEFAULT, TenantId::DEFAULT);
    let phc = hash::phc(PASSWORD)?;
    let device = digest_sql("device", &["'bench-device-' || n"]);
    database
        .run(&format!(
            "INSERT INTO auth.users (realm_id, id, kind, status, email, email_canonical, email_verified_at, name, locale,
                password_phc, token_version, created_at, updated_at)
             SELECT '{realm}', lpad(n::text, 32, '0')::uuid, 'member', 'active', 'person-' || n || '@bench.invalid',
                'person-' || n || '@bench.invalid', now(), 'Person ' || n, 'en', '{phc}', 1, now(), now()
             FROM generate_series(1, {PEOPLE}) n;
             INSERT INTO auth.memberships (tenant_id, user_id, realm_id, status, tier, created_at, updated_at)
             SELECT '{tenant}', lpad(n::text, 32, '0')::uuid, '{realm}', 'active', 'free', now(), now()
             FROM generate_series(1, {PEOPLE}) n;
             INSERT INTO auth.membership_roles (tenant_id, user_id, role)
             SELECT '{tenant}', lpad(n::text, 32, '0')::uuid, 'member' FROM generate_series(1, {PEOPLE}) n;
             INSERT INTO auth.known_devices (realm_id, user_id, device_hash, first_seen_at, last_seen_at)
             SELECT '{realm}', lpad(n::text, 32, '0')::uuid, {device}, now(), now()
             FROM generate_series(1, {PEOPLE}) n"
        ))
        .await?;
    open_sessions(stack, database).await?;
    database.run("VACUUM ANALYZE").await
}

async fn open_sessions(stack: &Stack, database: &Database) -> Result<()> {
    let (realm, tenant) = (RealmId::DEFAULT, TenantId::DEFAULT);
    let sealing = SealingKey::parse(&stack.secret("delivery-key")?)?;
    let address = "host('10.0.0.0'::inet + n)";
    let device = digest_sql("device", &["'bench-device-' || n"]);
    let surroundings = digest_sql("surroundings", &[address, &format!("'{USER_AGENT}'")]);
    for first in (1..=PEOPLE).step_by(usize::try_from(BATCH)?) {
        let sealed: Vec<String> = (first..(first + BATCH).min(PEOPLE + 1))
            .map(|number| Ok(format!("'{}'", sealing.seal(&key_context(session(number)), &SESSION_KEY)?)))
            .collect::<Result<_>>()?;
        database
            .run(&format!(
                "INSERT INTO auth.sessions (realm_id, id, user_id, for_tenant, generation, session_key_sealed, rotated_at,
                    device_hash, surroundings_hash, amr, acr, authenticated_at, sliding_expires_at, absolute_expires_at)
                 SELECT '{realm}', ('5' || lpad(n::text, 31, '0'))::uuid, lpad(n::text, 32, '0')::uuid, '{tenant}', 1, sealed,
                    now(), {device}, {surroundings}, 'pwd', 'aal1', now(), now() + interval '7 days',
                    now() + interval '30 days'
                 FROM unnest(ARRAY[{}]) WITH ORDINALITY AS given (sealed, place), LATERAL (SELECT {first} + place - 1 AS n) _",
                sealed.join(", ")
            ))
            .await
            .map_err(|fault| anyhow!("opening sessions: {:#}", fault.root_cause()))?;
    }
    database
        .run(&format!(
            "INSERT INTO auth.session_places (realm_id, session_id, opened_at, user_agent, ip_prefix)
             SELECT '{realm}', ('5' || lpad(n::text, 31, '0'))::uuid, now(), '{USER_AGENT}',
                network(set_masklen('10.0.0.0'::inet + n, 24))::text
             FROM generate_series(1::bigint, {PEOPLE}) n"
        ))
        .await
}

/// What a session's key is sealed for: the same as in auth's `session_opening`.
fn key_context(session: SessionId) -> String {
    format!("session_key:{session}")
}

/// SQL for the digest of `kind` and `parts` that auth keeps: SHA-256 over each part behind its length.
fn digest_sql(kind: &str, parts: &[&str]) -> String {
    let quoted = format!("'{kind}'");
    let pieces: Vec<String> = [quoted.as_str()]
        .iter()
        .chain(parts)
        .map(|part| format!("int8send(octet_length({part})) || convert_to({part}, 'UTF8')"))
        .collect();
    format!("sha256({})", pieces.join(" || "))
}

/// The refresh token of somebody's session at a generation: version, session, generation, and their HMAC under the
/// session's key.
pub fn refresh_token(number: u64, generation: i32) -> String {
    let mut bytes = vec![1];
    bytes.extend_from_slice(session(number).as_uuid().as_bytes());
    bytes.extend_from_slice(&generation.to_be_bytes());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SESSION_KEY);
    let code = hmac::sign(&key, &bytes);
    bytes.extend_from_slice(code.as_ref());
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn user_tokens(stack: &Stack, clock: &Clock) -> Result<UserTokens> {
    let keyring = Keyring::parse(&stack.secret("jwt-keyring")?)?;
    Ok(UserTokens::new(keyring, &stack.issuer, clock.clone()))
}

/// The access tokens of the first `many` people, for their sessions.
pub fn access_tokens(tokens: &UserTokens, clock: &Clock, many: u64) -> Result<Vec<String>> {
    (1..=many)
        .map(|number| Ok(tokens.sign(member_claims(clock, person(number), session(number)))?))
        .collect::<Result<_>>()
        .context("signing tokens")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_number_is_padded_as_the_scripts_pad_it() {
        assert_eq!(person(1234).to_string(), "00000000-0000-0000-0000-000000001234");
        assert_eq!(session(1234).to_string(), "50000000-0000-0000-0000-000000001234");
    }

    #[test]
    fn nobody_shares_a_network() {
        let networks: HashSet<Ipv4Addr> = (1..=PEOPLE).map(network).collect();
        assert_eq!(networks.len() as u64, PEOPLE);
        assert_eq!(network(257).to_string(), "10.0.1.1");
    }

    #[test]
    fn a_refresh_token_has_the_length_that_auth_expects() {
        assert_eq!(URL_SAFE_NO_PAD.decode(refresh_token(1, 1)).unwrap().len(), 1 + 16 + 4 + 32);
        assert_ne!(refresh_token(1, 1), refresh_token(1, 2));
    }

    #[test]
    fn digests_are_taken_over_parts_behind_their_lengths() {
        assert_eq!(
            digest_sql("device", &["d"]),
            "sha256(int8send(octet_length('device')) || convert_to('device', 'UTF8') || \
             int8send(octet_length(d)) || convert_to(d, 'UTF8'))"
        );
    }
}
