//! What is done to programs and by them: service accounts, identity providers, and the other services.

use reqwest::Method;
use serde_json::json;
use shinkofa_contracts::auth::DiscordScope;

use super::{Area, Sweep};
use crate::identity_provider::{Provider, USERS, active};
use crate::machines::{PATH, exchange, introspect, machine, order, revoke};
use crate::people::{self, address};
use crate::staff::user_id;
use crate::{bans, temporary};

pub(super) const AREA: Area = Area {
    changes: &[
        ("POST /api/tenants/service-accounts", &["service_account.created"]),
        ("PATCH /api/tenants/service-accounts/{id}", &["service_account.changed"]),
        ("POST /api/tenants/service-accounts/{id}/disable", &["service_account.disabled"]),
        ("POST /api/tenants/service-accounts/{id}/enable", &["service_account.enabled"]),
        ("DELETE /api/tenants/service-accounts/{id}", &["service_account.deleted"]),
        ("POST /api/tenants/service-accounts/{id}/keys", &["api_key.created"]),
        ("DELETE /api/tenants/service-accounts/{id}/keys/{keyId}", &["api_key.revoked"]),
        ("POST /api/auth/token", &["session.opened", "session.prolonged"]),
        ("POST /api/tenants/scim/v2/Users", &["provisioning.changed"]),
        ("PUT /api/tenants/scim/v2/Users/{id}", &["provisioning.changed"]),
        ("PATCH /api/tenants/scim/v2/Users/{id}", &["membership.locked"]),
        ("DELETE /api/tenants/scim/v2/Users/{id}", &["provisioning.changed"]),
        ("POST /internal/v1/bans", &["ban.placed"]),
        ("DELETE /internal/v1/bans/{banId}", &["ban.lifted"]),
        ("POST /internal/v1/discord/accounts", &["account.temporary_created"]),
        ("DELETE /internal/v1/discord/accounts/{discordId}", &["account.temporary_purged"]),
    ],
    later: &[],
    unchanged: &[(
        "POST /internal/v1/introspect",
        "it looks: the token stands in the body, where no log keeps it",
    )],
    refused: &[],
};

#[actix_web::test]
async fn what_programs_do_and_what_is_done_to_them_is_told_in_the_name_of_who_did_it() {
    let provider = Provider::start().await;
    let sweep = Sweep::begin(&provider.app).await;
    a_service_account_comes_and_goes(&provider).await;
    an_identity_provider_brings_people(&provider).await;
    other_services_ask(&provider).await;
    sweep.assert_told(&AREA).await;
}

async fn a_service_account_comes_and_goes(Provider { app, admin, .. }: &Provider) {
    let made = machine(app, admin, &["booking.sessions.manage"]).await;
    let path = format!("{PATH}/{}", made.account);
    let change = json!({ "name": "Import" });
    app.call(Method::PATCH, &path).token(admin).json(&change).send().await.expect(200);
    for what in ["disable", "enable"] {
        order(app, admin, &made.account, what).await.expect(204);
    }
    exchange(app, &made.key).await.expect(200);
    revoke(app, admin, &made.account, &made.key_id).await.expect(204);
    app.call(Method::DELETE, &path).token(admin).send().await.expect(204);
}

async fn an_identity_provider_brings_people(provider: &Provider) {
    let app = &provider.app;
    // A key opens a session where it is shown first: here, so that what follows tells of people alone.
    exchange(app, &provider.machine.key).await.expect(200);
    let zoe = address(app, "zoe");
    let id = provider.bring(json!({ "userName": zoe })).await.expect(201).text("id");
    let said = json!({ "userName": zoe, "displayName": "Zoé Petit" });
    provider.call(Method::PUT, &format!("{USERS}/{id}")).json(&said).send().await.expect(200);
    let anna = people::signed_in(app, &address(app, "anna")).await;
    provider.patch(user_id(&anna), active(false)).await.expect(200);
    provider.delete(&id).await.expect(204);
}

async fn other_services_ask(Provider { app, admin, .. }: &Provider) {
    bans::ban(app, json!({ "address": "192.0.2.9" })).await.expect(200);
    bans::lift(app, bans::BAN).await;
    let discord = temporary::discord_id(app);
    temporary::create(app, &discord).await.expect(201);
    let path = format!("/internal/v1/discord/accounts/{discord}");
    app.internal::<DiscordScope>("bot", Method::DELETE, &path).send().await.expect(204);
    assert_eq!(introspect(app, admin).await["active"], true);
}
