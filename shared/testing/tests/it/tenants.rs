//! What every service learns of tenants from auth's feed: whose host is whose, who is closed, and what their own roles allow.

use shinkofa_contracts::auth::{RoleChanged, TenantChanged, TenantStatus};
use shinkofa_kernel::{Role, TenantId};
use shinkofa_testing::{FakeFeed, FakePeer, TestApp};

use crate::probe::Probe;

const ME: &str = "/api/probe/me";
const PLAN: &str = "/api/probe/plan";

/// A service that follows a stand-in for auth.
async fn follower() -> (TestApp<Probe>, FakePeer, FakeFeed) {
    let auth = FakePeer::start().await;
    let feed = auth.feed().await;
    let probe = FakePeer::start().await;
    probe.feed().await;
    let builder = TestApp::<Probe>::builder().peer("auth", &auth.url()).peer("probe", &probe.url());
    let app = builder.start::<Probe>().await;
    (app, auth, feed)
}

fn changed(tenant: TenantId, slug: &str, domain: Option<&str>, status: TenantStatus) -> TenantChanged {
    TenantChanged {
        tenant_id: tenant,
        slug: slug.to_owned(),
        name: "Studio".to_owned(),
        domain: domain.map(str::to_owned),
        time_zone: "Europe/Paris".to_owned(),
        status,
    }
}

#[actix_web::test]
async fn a_custom_role_allows_what_auth_tells_and_nothing_before_or_after() {
    let (app, _auth, feed) = follower().await;
    let desk = app.user_with_custom_roles(&["front-desk"]);
    let tell = async |permissions: &[&str], removed: bool| {
        let role = RoleChanged {
            tenant_id: TenantId::DEFAULT,
            role: "front-desk".to_owned(),
            permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
            removed,
        };
        feed.append(TenantId::DEFAULT.as_uuid(), app.clock.now(), &role, None);
        app.read_feeds().await.unwrap();
    };
    app.post(PLAN).bearer(&app.user(Role::Manager)).send().await.expect(204);
    app.post(PLAN).bearer(&desk).send().await.expect_problem(403, "permission_denied");
    tell(&["booking.sessions.manage", "later.things.manage"], false).await;
    app.post(PLAN).bearer(&desk).send().await.expect(204);
    app.post(PLAN).bearer(&app.user(Role::Member)).send().await.expect_problem(403, "permission_denied");
    tell(&["booking.classes.manage"], false).await;
    app.post(PLAN).bearer(&desk).send().await.expect_problem(403, "permission_denied");
    tell(&["booking.sessions.manage"], false).await;
    app.post(PLAN).bearer(&desk).send().await.expect(204);
    tell(&[], true).await;
    app.post(PLAN).bearer(&desk).send().await.expect_problem(403, "permission_denied");
    app.stop().await;
}

#[actix_web::test]
async fn v28_a_tenant_is_found_by_its_name_and_its_domain_and_no_token_of_a_closed_one_is_good() {
    let (app, _auth, feed) = follower().await;
    let tenant = TenantId::new(&app.clock);
    let anna = app.user_of(tenant, Role::Member);
    let tell = async |told: TenantChanged| {
        feed.append(told.tenant_id.as_uuid(), app.clock.now(), &told, None);
        app.read_feeds().await.unwrap();
    };
    let ask = async |host: &str| app.get(ME).at_host(host).bearer(&anna).send().await;
    // Nobody's host yet.
    ask("elan.shinkofa.localhost").await.expect_problem(421, "misdirected_request");
    tell(changed(tenant, "elan", None, TenantStatus::Active)).await;
    ask("elan.shinkofa.localhost").await.expect(200);
    ask("app.shinkofa.localhost").await.expect_problem(403, "wrong_tenant");
    tell(changed(tenant, "elan", Some("elan.example"), TenantStatus::Active)).await;
    ask("elan.example").await.expect(200);
    // The domain goes to another tenant, and that is told of before it is told that this one gave it up.
    let other = TenantId::new(&app.clock);
    tell(changed(other, "other", Some("elan.example"), TenantStatus::Active)).await;
    ask("elan.example").await.expect_problem(403, "wrong_tenant");
    for status in [TenantStatus::Suspended, TenantStatus::Closed] {
        tell(changed(tenant, "elan", None, status)).await;
        ask("elan.shinkofa.localhost").await.expect_problem(401, "unauthenticated");
        app.get(ME).bearer(&app.user(Role::Member)).send().await.expect(200);
    }
    tell(changed(tenant, "elan", None, TenantStatus::Active)).await;
    ask("elan.shinkofa.localhost").await.expect(200);
    app.stop().await;
}
