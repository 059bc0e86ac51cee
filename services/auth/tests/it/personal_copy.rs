//! What somebody takes with them: everything, of every studio, or nothing.

use auth::Auth;
use chrono::TimeDelta;
use serde_json::{Value, json};
use shinkofa_kernel::{RealmId, TenantId};
use shinkofa_testing::wiremock::{Request, ResponseTemplate};
use shinkofa_testing::{FakePeer, TestApp, assert_answer_fits, assert_copy_holds_personal_columns};

use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, token, user_id};
use crate::studios::{claims, studio};
use crate::unconfirmed::{STRANGERS, sign_up_at};

pub async fn with_peers(peers: &[(&str, &FakePeer)]) -> TestApp<Auth> {
    let builder = TestApp::<Auth>::builder();
    peers.iter().fold(builder, |builder, (name, peer)| builder.peer(name, &peer.url())).start().await
}

/// A service that says of which tenant it was asked.
async fn exporting(service: &'static str) -> FakePeer {
    let peer = FakePeer::start().await;
    let respond = move |request: &Request| {
        let bearer = request.headers["authorization"].to_str().expect("text");
        let tenant = claims(bearer.trim_start_matches("Bearer "))["tenant_id"].clone();
        let body = json!({ "service": service, "data": { "from": service, "tenant": tenant } });
        ResponseTemplate::new(200).set_body_json(body)
    };
    peer.on("GET", "^/internal/v1/privacy/exports/", respond).await;
    peer
}

/// Auth with services that answer.
pub async fn with_services() -> (TestApp<Auth>, [FakePeer; 3]) {
    let peers = [exporting("booking").await, exporting("credits").await, exporting("notify").await];
    let app = with_peers(&[("booking", &peers[0]), ("credits", &peers[1]), ("notify", &peers[2])]).await;
    (app, peers)
}

#[actix_web::test]
async fn a_copy_holds_what_every_service_knows() {
    let (app, peers) = with_services().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answer = app.get("/api/me/export").token(token(&anna)).send().await.expect(200);
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"export.json\"");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.body["account"]["email"], address(&app, "anna"));
    let studios = answer.body["studios"].as_array().unwrap();
    assert_eq!(studios.len(), 1);
    let services = studios[0]["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["auth", "booking", "credits", "notify"]);
    assert_eq!(services["auth"]["membership"]["roles"], json!(["member"]));
    assert_eq!(services["booking"]["from"], "booking");
    let asked = peers[0].requests().await;
    assert!(asked[0].1.ends_with(user_id(&anna)));
    let noted = app.sql("SELECT details FROM audit_events WHERE action = 'account.exported'").await;
    assert_eq!(noted, [json!({ "details": { "services": ["booking", "credits", "notify"], "studios": 1 } })]);
}

/// An account spans the realm, and a studio that one has left still knows something.
#[actix_web::test]
async fn a_copy_spans_every_studio_that_the_person_was_ever_in() {
    let (app, peers) = with_services().await;
    let elan = studio(&app, "anna", "elan").await;
    studio(&app, "ben", "bond").await;
    let here = TenantId::DEFAULT.to_string();
    let spanned = [(here.as_str(), "member"), (elan.id.as_str(), "admin")];
    let copy = app.get("/api/me/export").token(token(&elan.elsewhere)).send().await.expect(200).body;
    let parts = copy["studios"].as_array().unwrap();
    assert_eq!(parts.len(), spanned.len(), "{copy:#}");
    for (part, (tenant, role)) in parts.iter().zip(spanned) {
        assert_eq!(part["tenantId"], tenant);
        assert_eq!(part["services"]["auth"]["membership"]["roles"], json!([role]));
        for service in ["booking", "credits", "notify"] {
            assert_eq!(part["services"][service], json!({ "from": service, "tenant": tenant }));
        }
    }
    assert_eq!(parts[1]["name"], "Studio elan");
    assert_eq!(peers[0].requests().await.len(), 2, "once for each studio");
    let signed_in: Vec<_> = copy["account"]["sessions"].as_array().unwrap().iter().collect();
    assert!(signed_in.len() >= 2, "here and in the studio: {signed_in:#?}");

    let leave = format!("DELETE FROM memberships WHERE tenant_id = '{}'", elan.id);
    app.superuser().await.run(&leave).await;
    let copy = app.get("/api/me/export").token(token(&elan.elsewhere)).send().await.expect(200).body;
    assert_eq!(copy["studios"][1]["services"]["auth"]["membership"], Value::Null);
    assert_eq!(copy["studios"][1]["services"]["booking"]["tenant"], elan.id);
}

/// A stranger signs somebody up for a studio of theirs, and a letter goes out in its name.
#[actix_web::test]
async fn a_copy_spans_a_studio_that_only_ever_wrote_to_the_person() {
    let (app, _services) = with_services().await;
    let evil = studio(&app, "mallory", "evil").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    sign_up_at(&app, &evil, &address(&app, "anna"), STRANGERS).await;
    let copy = app.get("/api/me/export").token(token(&anna)).send().await.expect(200).body;
    let parts = copy["studios"].as_array().unwrap();
    assert_eq!(parts.len(), 2, "{copy:#}");
    let part = parts.iter().find(|part| part["tenantId"] == evil.id.as_str()).unwrap();
    assert_eq!(part["services"]["auth"]["membership"], Value::Null);
    assert_eq!(part["services"]["notify"]["tenant"], evil.id);
}

#[actix_web::test]
async fn a_service_that_does_not_answer_is_named_and_nothing_is_handed_out() {
    let (booking, notify) = (exporting("booking").await, exporting("notify").await);
    let app = with_peers(&[("booking", &booking), ("notify", &notify)]).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answer = app.get("/api/me/export").token(token(&anna)).send().await;
    let answer = answer.expect_problem(503, "export_incomplete");
    assert!(text(&answer.body, "detail").contains("credits"), "{:#}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(!answer.body.to_string().contains("anna"));

    // One that answers for another is as good as none.
    let (impostor, credits) = (exporting("booking").await, exporting("credits").await);
    let app = with_peers(&[("booking", &booking), ("credits", &credits), ("notify", &impostor)]).await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let answer =
        app.get("/api/me/export").token(token(&anna)).send().await.expect_problem(503, "export_incomplete");
    assert!(text(&answer.body, "detail").contains("notify"));
}

#[actix_web::test]
async fn who_looks_in_somebodys_place_cannot_carry_their_data_away() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let call = app.post(&format!("/api/admin/users/{}/impersonate", user_id(&anna))).token(token(&admin));
    let seen = call.json(&json!({ "reason": "a look" })).send().await.expect(200).text("accessToken");
    app.get("/api/me/consents").token(&seen).send().await.expect(200);
    app.get("/api/me/export").token(&seen).send().await.expect_problem(403, "permission_denied");
}

/// Where a copy holds each column that is about the person.
const PLACES: [(&str, &str); 54] = [
    ("account_suspensions.reason", "account/suspensionReason"),
    ("bans.reason", "studios/*/services/auth/bans/*/reason"),
    ("consent_decisions.kind", "studios/*/services/auth/consents/*/kind"),
    ("consent_decisions.version", "studios/*/services/auth/consents/*/version"),
    ("discord_links.discord_id", "account/identities/discord/*/discordId"),
    ("email_changes.new_email", "account/addresses/changes/*/to"),
    ("email_changes.old_email", "account/addresses/changes/*/from"),
    ("events.personal", "account/addresses/toldToServices/*/personal"),
    ("identities.issuer", "account/identities/linked/*/issuer"),
    ("identities.provider", "account/identities/linked/*/provider"),
    ("identities.subject", "account/identities/linked/*/subject"),
    ("impersonations.reason", "studios/*/services/auth/seenByStaff/*/reason"),
    ("invitation_acceptances.invitation_id", "studios/*/services/auth/invitations/accepted/*/invitationId"),
    ("invitations.email", "studios/*/services/auth/invitations/received/*/email"),
    ("invitations.email_canonical", "studios/*/services/auth/invitations/received/*/emailCanonical"),
    ("invitations.locale", "studios/*/services/auth/invitations/received/*/locale"),
    ("membership_locks.reason", "studios/*/services/auth/lockReason"),
    ("membership_roles.role", "studios/*/services/auth/membership/roles/*"),
    ("memberships.tier", "studios/*/services/auth/membership/tier"),
    ("memberships.user_id", "account/userId"),
    ("passkey_handles.handle", "account/secondFactors/passkeyHandle"),
    ("passkeys.credential_id", "account/secondFactors/passkeys/*/credentialId"),
    ("passkeys.name", "account/secondFactors/passkeys/*/name"),
    ("passkeys.public_key", "account/secondFactors/passkeys/*/publicKey"),
    ("passkeys.transports", "account/secondFactors/passkeys/*/transports"),
    ("past_places.device_name", "account/pastSessions/*/deviceName"),
    ("past_places.ip_prefix", "account/pastSessions/*/network"),
    ("past_places.user_agent", "account/pastSessions/*/userAgent"),
    ("profiles.avatar_id", "account/profile/avatarId"),
    ("profiles.bio", "account/profile/bio"),
    ("profiles.onboarding", "account/profile/onboarding"),
    ("profiles.preferences", "account/profile/preferences"),
    ("profiles.time_zone", "account/profile/timeZone"),
    ("remembered_devices.factor", "account/devices/remembered/*/factor"),
    ("remembered_devices.user_agent", "account/devices/remembered/*/userAgent"),
    ("scim_users.display_name", "studios/*/services/auth/toldByIdentityProvider/*/displayName"),
    ("scim_users.external_id", "studios/*/services/auth/toldByIdentityProvider/*/externalId"),
    ("scim_users.family_name", "studios/*/services/auth/toldByIdentityProvider/*/familyName"),
    ("scim_users.given_name", "studios/*/services/auth/toldByIdentityProvider/*/givenName"),
    ("scim_users.user_name", "studios/*/services/auth/toldByIdentityProvider/*/userName"),
    ("scim_users.user_name_canonical", "studios/*/services/auth/toldByIdentityProvider/*/userNameCanonical"),
    ("session_places.device_name", "account/sessions/*/deviceName"),
    ("session_places.ip_prefix", "account/sessions/*/network"),
    ("session_places.user_agent", "account/sessions/*/userAgent"),
    ("sessions.amr", "account/sessions/*/methods"),
    ("signups.consents", "account/addresses/signUps/*/consents"),
    ("signups.email", "account/addresses/signUps/*/email"),
    ("signups.email_canonical", "account/addresses/signUps/*/emailCanonical"),
    ("signups.locale", "account/addresses/signUps/*/locale"),
    ("signups.name", "account/addresses/signUps/*/name"),
    ("users.email", "account/email"),
    ("users.email_canonical", "account/emailCanonical"),
    ("users.locale", "account/locale"),
    ("users.name", "account/name"),
];

const DIGEST: &str = "a digest: it tells its owner nothing, and helps whoever wants to pass for them";
const SECRET: &str = "it would serve to sign in";
const NOBODYS: &str = "nobody's until they finish signing in, and gone in minutes";

/// What is about the person and not handed out, and why.
const WITHHELD: [(&str, &str); 17] = [
    ("auth_failures.subject", DIGEST),
    ("bans.fingerprint", DIGEST),
    ("known_devices.device_hash", DIGEST),
    ("oauth_attempts.device_hash", NOBODYS),
    ("oauth_attempts.identity_sealed", NOBODYS),
    ("oauth_attempts.locale", NOBODYS),
    ("one_time_tokens.about", "digests and a sealed code, for the minutes that a link or code is good"),
    ("one_time_tokens.device_hash", DIGEST),
    ("past_places.surroundings_hash", DIGEST),
    ("recovery_codes.code_hash", SECRET),
    ("remembered_devices.device_hash", DIGEST),
    ("remembered_devices.token_hash", SECRET),
    ("sessions.device_hash", DIGEST),
    ("sessions.surroundings_hash", DIGEST),
    ("signups.password_phc", SECRET),
    ("user_factors.secret_sealed", SECRET),
    ("users.password_phc", SECRET),
];

/// Puts something into every column that is about Anna and that signing in did not fill.
async fn plant(app: &TestApp<Auth>, anna: &Value) {
    let (realm, tenant, user) = (RealmId::DEFAULT, TenantId::DEFAULT, user_id(anna));
    let id = "01920000-0000-7000-8000-0000000000a1";
    let canonical = format!("(SELECT email_canonical FROM users WHERE id = '{user}')");
    let rows = format!(
        "UPDATE session_places SET user_agent = 'planted browser', device_name = 'planted device';
        INSERT INTO account_suspensions (realm_id, user_id, reason, suspended_at)
        VALUES ('{realm}', '{user}', 'planted suspension', now());
        INSERT INTO consent_decisions (tenant_id, user_id, kind, version, granted, decided_at)
        VALUES ('{tenant}', '{user}', 'terms', 'planted version', true, now());
        INSERT INTO discord_links (realm_id, discord_id, user_id, for_tenant, created_at)
        VALUES ('{realm}', '123456789012345678', '{user}', '{tenant}', now());
        INSERT INTO email_changes (realm_id, id, user_id, session_id, for_tenant, old_email, new_email, requested_at)
        VALUES ('{realm}', '{id}', '{user}', '{id}', '{tenant}', 'old@planted.example', 'new@planted.example', now());
        INSERT INTO identities (realm_id, issuer, subject, user_id, provider, linked_at, last_used_at)
        VALUES ('{realm}', 'https://planted.example', 'planted subject', '{user}', 'google', now(), now());
        INSERT INTO impersonations (tenant_id, session_id, user_id, impersonator_id, reason, opened_at, expires_at)
        VALUES ('{tenant}', '{id}', '{user}', '{id}', 'planted look', now(), now());
        INSERT INTO invitations (tenant_id, id, realm_id, kind, email, email_canonical, locale, most_uses, invited_by,
            created_at, expires_at)
        VALUES ('{tenant}', '{id}', '{realm}', 'email', 'Invited@planted.example', {canonical}, 'en', 1, '{id}', now(),
            now());
        INSERT INTO invitation_acceptances (tenant_id, invitation_id, user_id, accepted_at)
        VALUES ('{tenant}', '{id}', '{user}', now());
        INSERT INTO scim_users (tenant_id, id, user_id, user_name, user_name_canonical, external_id, display_name,
            given_name, family_name, created_at, updated_at)
        VALUES ('{tenant}', '{id}', '{user}', 'Told@planted.example', 'told@planted.example', 'planted number',
            'planted display', 'planted given', 'planted family', now(), now());
        INSERT INTO membership_locks (tenant_id, user_id, reason, locked_by, locked_at)
        VALUES ('{tenant}', '{user}', 'planted lock', '{id}', now());
        INSERT INTO past_places (realm_id, user_id, session_id, opened_at, over_at, user_agent, ip_prefix, device_name)
        VALUES ('{realm}', '{user}', '{id}', now(), now(), 'planted program', '198.51.100.0/24', 'planted past device');
        INSERT INTO profiles (realm_id, user_id, avatar_id, bio, time_zone, preferences, onboarding, updated_at)
        VALUES ('{realm}', '{user}', '{id}', 'planted bio', 'Europe/Rome', '{{\"planted\": \"preference\"}}',
            '{{\"planted\": \"answer\"}}', now());
        INSERT INTO remembered_devices (realm_id, user_id, id, token_hash, device_hash, token_version, user_agent,
            remembered_at, last_used_at, expires_at, factor)
        SELECT realm_id, id, '{id}', '\\x01', '\\x02', token_version, 'planted reminder', created_at, created_at,
            created_at + interval '1 day', 'hwk user mfa' FROM users WHERE id = '{user}';
        INSERT INTO signups (realm_id, id, for_tenant, email, email_canonical, name, locale, password_phc, created_at,
            consents)
        VALUES ('{realm}', '{id}', '{tenant}', 'Signup@planted.example', {canonical}, 'planted name', 'en', 'x', now(),
            '[{{\"kind\": \"terms\", \"version\": \"planted\"}}]');"
    );
    app.superuser().await.run(&rows).await;
    let passkey = format!(
        "INSERT INTO user_factors (realm_id, user_id, id, kind, confirmed_at, created_at)
        VALUES ('{realm}', '{user}', '{id}', 'passkey', now(), now());
        INSERT INTO passkeys (realm_id, user_id, id, credential_id, public_key, sign_count, backup_eligible, backed_up,
            transports, name, created_at)
        VALUES ('{realm}', '{user}', '{id}', '\\xfbff01', '\\xfbfe0203', 0, false, false, 'usb nfc', 'planted key', now());
        INSERT INTO passkey_handles (realm_id, user_id, handle)
        VALUES ('{realm}', '{user}', decode(repeat('fb', 32), 'hex'));"
    );
    app.superuser().await.run(&passkey).await;
}

#[actix_web::test]
async fn every_column_that_is_about_the_person_is_in_the_copy_or_withheld_for_a_reason() {
    let (app, _peers) = with_services().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    // Over, and not forgotten yet: who is banned at the moment is not signed in.
    let banned = json!({ "userId": user_id(&anna), "until": "2026-12-01T09:01:00Z" });
    crate::bans::ban(&app, banned).await.expect(200);
    app.advance(TimeDelta::minutes(1));
    let anna = people::sign_in(&app, &address(&app, "anna"), PASSWORD).await.expect(200).body;
    plant(&app, &anna).await;
    let copy = app.get("/api/me/export").token(token(&anna)).send().await.expect(200).body;
    assert_copy_holds_personal_columns(&app, &copy, &PLACES, &WITHHELD).await;
    for planted in ["planted key", "123456789012345678", "usb", "-_8B"] {
        assert!(copy.to_string().contains(planted), "{planted}");
    }
}

#[actix_web::test]
async fn a_copy_of_everything_is_what_the_document_says_that_it_is() {
    let (app, _peers) = with_services().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    plant(&app, &anna).await;
    let answer = app.get("/api/me/export").token(token(&anna)).send().await.expect(200);
    assert_answer_fits::<Auth>(("GET", "/api/me/export"), &answer);
}

/// Of somebody else with the same address: who has not confirmed it is told nothing of what others did with it.
#[actix_web::test]
async fn an_address_that_is_not_confirmed_brings_nobody_what_others_signed_up_with() {
    let (app, _peers) = with_services().await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    plant(&app, &anna).await;
    app.superuser().await.run("UPDATE users SET email_verified_at = NULL").await;
    let copy = app.get("/api/me/export").token(token(&anna)).send().await.expect(200).body;
    assert_eq!(copy["account"]["addresses"]["signUps"], json!([]));
}
