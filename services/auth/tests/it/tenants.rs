//! Studios: made, found, set up, switched to and closed.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_contracts::auth::TrustScope;
use shinkofa_kernel::Role;
use shinkofa_runtime::Service as _;
use shinkofa_testing::TestApp;

use crate::people::{self, PASSWORD, address, text};
use crate::staff::{staff, token, user_id};
use crate::studios::{
    Studio, accept, anonymous, claims, create, described, plain_person, profile_at, refresh_at, sign_in_at,
    studio, switch,
};
use crate::trail;

#[actix_web::test]
async fn a_person_makes_a_studio_and_is_its_admin_and_every_service_hears_of_it() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    assert_eq!(elan.admin["user"]["roles"], json!(["admin"]));
    assert_eq!(elan.admin["user"]["tenantId"], json!(elan.id));
    let mine = app.get("/api/tenants").token(token(&elan.elsewhere)).send().await.expect(200).body;
    let seen: Vec<_> = mine["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(it, "slug"), &it["roles"], &it["current"]))
        .collect();
    assert_eq!(
        seen,
        [("default", &json!(["member"]), &json!(true)), ("elan", &json!(["admin"]), &json!(false))]
    );

    let events = app.events().await;
    let told = events.iter().rfind(|event| event["type"] == "tenant.changed").unwrap();
    assert_eq!(
        (&told["data"]["tenantId"], &told["data"]["slug"], &told["data"]["status"]),
        (&json!(elan.id), &json!("elan"), &json!("active"))
    );
    let here = |kind: &str| events.iter().any(|e| e["type"] == kind && e["for_tenant"] == json!(elan.id));
    assert!(here("user.changed") && here("membership.changed"), "the studio's address book knows its admin");
    let actions = format!("SELECT action FROM audit_events WHERE tenant_id = '{}' ORDER BY number", elan.id);
    assert_eq!(app.sql(&actions).await[0]["action"], "tenant.created");

    let settings = elan.get(&app, "/api/tenants/current", &elan.admin).await.expect(200);
    assert_eq!(settings.headers["etag"], "\"1\"");
    assert_eq!(settings.body["hosts"], json!(["elan.shinkofa.localhost"]));
    let roles = elan.get(&app, "/api/tenants/roles", &elan.admin).await.expect(200).body;
    let default = app.get("/api/tenants/roles").token(token(&elan.elsewhere)).send().await.expect(200).body;
    assert_eq!(roles, default, "a new studio has what the first one was given by migrations");
    assert_eq!(roles["items"].as_array().unwrap().len(), Role::ALL.len());
}

#[actix_web::test]
async fn a_studio_needs_a_confirmed_address_a_free_name_and_bounds() {
    let app = TestApp::<Auth>::start().await;
    let guest = app.post("/api/auth/anonymous").json(&json!({})).send().await.expect(201).body;
    create(&app, &guest, "elan").await.expect_problem(403, "email_not_verified");
    let anna = plain_person(&app, "anna").await;
    for (field, value) in [
        ("slug", json!("www")),
        ("slug", json!("Élan")),
        ("slug", json!("a\u{0}b")),
        ("name", json!("<b>x</b>")),
        ("timeZone", json!("Mars/Base")),
        ("defaultLocale", json!("de")),
        ("tenantId", json!("01920000-0000-7000-8000-0000000000aa")),
    ] {
        let mut body = described("elan");
        body[field] = value;
        let answer = app.post("/api/tenants").token(token(&anna)).json(&body).send().await;
        assert_eq!(
            answer.expect_problem(422, "invalid_fields").body["errors"][0]["pointer"],
            format!("/{field}")
        );
    }
    create(&app, &anna, "elan").await.expect(201);
    create(&app, &anna, "elan").await.expect_problem(409, "slug_taken");
    for number in 2..=10 {
        create(&app, &anna, &format!("elan-{number}")).await.expect(201);
    }
    create(&app, &anna, "elan-11").await.expect_problem(409, "too_many_studios");
}

#[actix_web::test]
async fn closed_studios_count_as_well_so_that_nobody_founds_and_closes_for_ever() {
    let app = TestApp::<Auth>::start().await;
    let anna = plain_person(&app, "anna").await;
    let refused = async || {
        let call = app.post("/api/tenants").token(token(&anna)).header("accept-language", "en");
        let answer = call.json(&described("more")).send().await;
        answer.expect_problem(409, "too_many_studios").text("detail")
    };
    for round in 1..=3 {
        for number in 0..10 {
            create(&app, &anna, &format!("elan-{round}-{number}")).await.expect(201);
        }
        let which = if round == 3 { "thirty" } else { "ten open" };
        assert!(refused().await.contains(which));
        app.superuser().await.run("UPDATE tenants SET status = 'closed' WHERE slug LIKE 'elan%'").await;
    }
    assert!(refused().await.contains("closed"));
}

/// Under the limits that the platform has.
#[actix_web::test]
async fn whoever_repeats_a_request_has_its_answer_and_names_that_are_taken_use_nothing_up() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let anna = plain_person(&app, "anna").await;
    for _ in 0..25 {
        let call = app.post("/api/tenants").token(token(&anna)).idempotency_key("k1");
        call.json(&described("elan")).send().await.expect(201);
        create(&app, &anna, "elan").await.expect_problem(409, "slug_taken");
    }
    create(&app, &anna, "other").await.expect(201);
}

#[actix_web::test]
async fn a_repetition_under_one_key_makes_one_studio() {
    let app = TestApp::<Auth>::start().await;
    let anna = plain_person(&app, "anna").await;
    let ask = async |slug: &str| {
        let call = app.post("/api/tenants").token(token(&anna)).idempotency_key("k1");
        call.json(&described(slug)).send().await
    };
    let first = ask("elan").await.expect(201);
    let again = ask("elan").await.expect(201);
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(first.body, again.body);
    ask("other").await.expect_problem(422, "idempotency_key_reused");
    assert_eq!(app.sql("SELECT id FROM tenants").await.len(), 2);
}

#[actix_web::test]
async fn of_many_who_want_one_name_or_one_domain_at_once_one_gets_it() {
    let app = TestApp::<Auth>::start().await;
    let mut people = Vec::new();
    for number in 0..6 {
        people.push(plain_person(&app, &format!("anna{number}")).await);
    }
    let answers = join_all(people.iter().map(|person| create(&app, person, "elan"))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);

    let mut studios = Vec::new();
    for number in 0..4 {
        studios.push(studio(&app, &format!("bob{number}"), &format!("bob-{number}")).await);
    }
    let body = json!({ "domain": "studio.example.org" });
    let path = "/api/tenants/current/domain";
    let answers = join_all(
        studios.iter().map(|studio| studio.call(&app, Method::PUT, path, &studio.admin).json(&body).send()),
    );
    let mut statuses: Vec<_> = answers.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409]);
}

#[actix_web::test]
async fn settings_are_changed_by_who_may_and_saw_the_present_ones() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let path = "/api/tenants/current";
    let patch = async |seen: Option<&str>, by: &Value| {
        let call = elan.call(&app, Method::PATCH, path, by);
        let call = if let Some(seen) = seen { call.header("if-match", seen) } else { call };
        call.json(&json!({ "name": "Élan Yoga", "timeZone": "Indian/Reunion", "selfSignUp": false }))
            .send()
            .await
    };
    patch(None, &elan.admin).await.expect_problem(428, "if_match_required");
    patch(Some("1"), &elan.admin).await.expect_problem(400, "malformed_request");
    patch(Some("\"7\""), &elan.admin).await.expect_problem(412, "changed_meanwhile");
    let changed = patch(Some("\"1\""), &elan.admin).await.expect(200);
    assert_eq!(changed.headers["etag"], "\"2\"");
    assert_eq!((&changed.body["name"], &changed.body["selfSignUp"]), (&json!("Élan Yoga"), &json!(false)));
    patch(Some("\"1\""), &elan.admin).await.expect_problem(412, "changed_meanwhile");
    assert_eq!(
        patch(Some("*"), &elan.admin).await.expect(200).headers["etag"],
        "\"2\"",
        "nothing else changed"
    );
    let told = app.events().await;
    let told = told.iter().rfind(|event| event["type"] == "tenant.changed").unwrap();
    assert_eq!(told["data"]["timeZone"], "Indian/Reunion");
    let member = elan.member(&app, "mia", &["member"]).await;
    patch(Some("\"2\""), &member).await.expect_problem(403, "permission_denied");
    let two = join_all((0..2).map(|number| {
        let call = elan.call(&app, Method::PATCH, path, &elan.admin).header("if-match", "\"2\"");
        call.json(&json!({ "name": format!("Name {number}") })).send()
    }));
    let mut statuses: Vec<_> = two.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "of two who saw the same one writes");
}

#[actix_web::test]
async fn a_domain_leads_to_its_studio_and_to_no_other() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let other = studio(&app, "bob", "other").await;
    let path = "/api/tenants/current/domain";
    let put = async |studio: &crate::studios::Studio, domain: &str| {
        let call = studio.call(&app, Method::PUT, path, &studio.admin);
        call.json(&json!({ "domain": domain })).send().await
    };
    for refused in [
        "",
        "localhost",
        "192.0.2.1",
        "https://elan.example",
        "elan.example:443",
        "a_b.org",
        "é.org",
        "x.localhost",
        "app.shinkofa.localhost",
        "elan.example.",
        "*.elan.example",
        "elan.example/x",
    ] {
        put(&elan, refused).await.expect_problem(422, "invalid_fields");
    }
    let set = put(&elan, "Yoga.Elan.Example").await.expect(200);
    assert_eq!(set.body["domain"], "yoga.elan.example");
    put(&other, "yoga.elan.example").await.expect_problem(409, "domain_taken");

    profile_at(&app, "yoga.elan.example", &elan.admin).await.expect(200);
    profile_at(&app, "yoga.elan.example", &elan.elsewhere).await.expect_problem(403, "wrong_tenant");
    profile_at(&app, "app.shinkofa.localhost", &elan.admin).await.expect_problem(403, "wrong_tenant");
    profile_at(&app, &other.host(), &elan.admin).await.expect_problem(403, "wrong_tenant");

    elan.delete(&app, path, &elan.admin).await.expect(204);
    elan.delete(&app, path, &elan.admin).await.expect(204);
    profile_at(&app, "yoga.elan.example", &elan.admin).await.expect_problem(403, "wrong_tenant");
    put(&other, "yoga.elan.example").await.expect(200);
}

/// The operator has put a certificate for it into the folder of its studio.
#[actix_web::test]
async fn a_domain_that_is_served_for_a_studio_is_nobody_elses_to_set() {
    let builder = TestApp::<Auth>::builder().env("SHINKOFA_TENANT_DOMAINS", "elan=studio-elan.example");
    let app = builder.start::<Auth>().await;
    let other = studio(&app, "eve", "other").await;
    let elan = studio(&app, "anna", "elan").await;
    let set = async |studio: &Studio| {
        let body = json!({ "domain": "studio-elan.example" });
        studio.call(&app, Method::PUT, "/api/tenants/current/domain", &studio.admin).json(&body).send().await
    };
    app.get("/api/docs/auth.json").at_host("studio-elan.example").send().await.expect(421);
    set(&other).await.expect_problem(409, "domain_taken");
    set(&elan).await.expect(200);
    app.get("/api/docs/auth.json").at_host("studio-elan.example").send().await.expect(200);
    profile_at(&app, "studio-elan.example", &elan.admin).await.expect(200);
}

/// Whoever came to it first: the operator has put the certificate there for its owner.
#[actix_web::test]
async fn a_domain_that_is_served_for_a_studio_is_taken_back_from_whoever_had_set_it() {
    let builder = TestApp::<Auth>::builder().env("SHINKOFA_TENANT_DOMAINS", "elan=studio-elan.example");
    let app = builder.start::<Auth>().await;
    let other = studio(&app, "eve", "other").await;
    let elan = studio(&app, "anna", "elan").await;
    // Before the operator served it.
    let squat = format!("UPDATE tenants SET domain = 'studio-elan.example' WHERE id = '{}'", other.id);
    app.superuser().await.run(&squat).await;
    let body = json!({ "domain": "studio-elan.example" });
    let set = elan.call(&app, Method::PUT, "/api/tenants/current/domain", &elan.admin).json(&body);
    assert_eq!(set.send().await.expect(200).body["domain"], "studio-elan.example");
    profile_at(&app, "studio-elan.example", &elan.admin).await.expect(200);
    profile_at(&app, "studio-elan.example", &other.admin).await.expect_problem(403, "wrong_tenant");
    let theirs = other.get(&app, "/api/tenants/current", &other.admin).await.expect(200);
    assert_eq!((&theirs.body["domain"], theirs.headers["etag"].to_str().unwrap()), (&Value::Null, "\"2\""));

    let events = app.events().await;
    let told = |tenant: &str| {
        let about =
            events.iter().rfind(|e| e["type"] == "tenant.changed" && e["for_tenant"] == json!(tenant));
        about.unwrap()["data"]["domain"].clone()
    };
    assert_eq!((told(&other.id), told(&elan.id)), (Value::Null, json!("studio-elan.example")));
    let trail = "SELECT tenant_id, action, details FROM audit_events WHERE action LIKE 'tenant.domain%' ORDER BY number";
    assert_eq!(
        app.sql(trail).await,
        [
            json!({
                "tenant_id": other.id, "action": "tenant.domain_removed",
                "details": { "reason": "served_for_another" },
            }),
            json!({ "tenant_id": elan.id, "action": "tenant.domain_set", "details": {} }),
        ]
    );
}

/// V28: a closed or suspended tenant mints nothing from that moment on, and what it gave out is worth nothing.
#[actix_web::test]
async fn v28_a_closed_or_suspended_studio_stops_minting_at_once() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = elan.member(&app, "mia", &["member"]).await;
    let bob = plain_person(&app, "bob").await;
    let code = elan.code(&app, &["member"], 5).await;
    elan.delete(&app, "/api/tenants/current", &mia).await.expect_problem(403, "permission_denied");
    elan.delete(&app, "/api/tenants/current", &elan.admin).await.expect(204);

    let refused = async || {
        for by in [&elan.admin, &mia] {
            profile_at(&app, &elan.host(), by).await.expect(401);
            refresh_at(&app, &elan.host(), by).await.expect(401);
            let introspect = app.internal::<TrustScope>("credits", Method::POST, "/internal/v1/introspect");
            let seen = introspect.json(&json!({ "token": token(by) })).send().await.expect(200).body;
            assert_eq!(seen["active"], false);
        }
        let host = elan.host();
        sign_in_at(&app, &host, &address(&app, "mia")).await.expect_problem(403, "tenant_closed");
        let signup = json!({ "email": address(&app, "eve"), "password": PASSWORD, "name": "Eve" });
        let signup = app.post("/api/auth/signup").at_host(&host).json(&signup).send().await;
        signup.expect_problem(403, "tenant_closed");
        let guest = app.post("/api/auth/anonymous").at_host(&host).json(&json!({})).send().await;
        guest.expect_problem(403, "tenant_closed");
        switch(&app, &elan.elsewhere, &elan.id).await.expect_problem(404, "not_found");
        let accept = app.post("/api/tenants/invitations/accept").token(token(&bob));
        accept.json(&json!({ "code": code })).send().await.expect_problem(410, "invitation_gone");
    };
    refused().await;
    let told = app.events().await;
    let told = told.iter().rfind(|event| event["type"] == "tenant.changed").unwrap();
    assert_eq!(told["data"]["status"], "closed");
    assert!(
        app.sql("SELECT session_id FROM revocations").await.len() >= 2,
        "every service hears of each session"
    );
    people::profile(&app, token(&elan.elsewhere)).await.expect(200);

    let set = async |status: &str| {
        let arguments = ["--slug", "elan", "--status", status].map(str::to_owned);
        app.service().command("set-tenant-status", &arguments).await
    };
    for _ in 0..2 {
        set("suspended").await.unwrap();
    }
    refused().await;
    set("active").await.unwrap();
    for (action, by) in [
        ("tenant.closed", trail::by_user(user_id(&elan.admin))),
        ("tenant.suspended", trail::by_service("auth")),
        ("tenant.reopened", trail::by_service("auth")),
    ] {
        assert_eq!(trail::told(&app, action).await, [trail::entry(by, "tenant", &elan.id)], "{action}");
    }
    profile_at(&app, &elan.host(), &elan.admin).await.expect(401);
    let again = switch(&app, &elan.elsewhere, &elan.id).await.expect(200).body;
    profile_at(&app, &elan.host(), &again).await.expect(200);
    assert!(set("emperor").await.is_err());
    let unknown = ["--slug", "nowhere", "--status", "active"].map(str::to_owned);
    assert!(app.service().command("set-tenant-status", &unknown).await.is_err());
}

/// V28: held up when its session is written and not committed, so that whoever closes the studio cannot see it yet.
#[actix_web::test]
async fn v28_a_session_that_is_opened_while_its_studio_is_closed_ends_with_the_others() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    let code = elan.code(&app, &["member"], 1).await;
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE known_devices IN SHARE MODE").await;
    let body = json!({ "email": address(&app, "mia"), "password": PASSWORD, "deviceId": "phone-7f3a" });
    let sign_in = app.post("/api/auth/signin").at_host(&elan.host()).json(&body).send();
    let close = async {
        app.until_waiting(1).await;
        elan.delete(&app, "/api/tenants/current", &elan.admin).await
    };
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (signed_in, closed, ()) = futures_util::future::join3(sign_in, close, let_go).await;
    closed.expect(204);
    let signed_in = signed_in.expect(200).body;
    let open = ["--slug", "elan", "--status", "active"].map(str::to_owned);
    app.service().command("set-tenant-status", &open).await.unwrap();
    profile_at(&app, &elan.host(), &signed_in).await.expect(401);
    refresh_at(&app, &elan.host(), &signed_in).await.expect(401);
    sign_in_at(&app, &elan.host(), &address(&app, "mia")).await.expect(200);
}

#[actix_web::test]
async fn closing_asks_who_one_is_again_and_spares_the_installations_own_studio() {
    let app = TestApp::<Auth>::start().await;
    let boss = staff(&app, "boss", "admin").await;
    let close = app.call(Method::DELETE, "/api/tenants/current").token(token(&boss)).send().await;
    close.expect_problem(409, "default_tenant");
    let elan = studio(&app, "anna", "elan").await;
    app.advance(TimeDelta::minutes(11));
    elan.delete(&app, "/api/tenants/current", &elan.admin).await.expect_problem(403, "step_up_required");
    profile_at(&app, &elan.host(), &elan.admin).await.expect(200);
}

#[actix_web::test]
async fn switching_keeps_what_was_shown_and_the_session_that_it_was_shown_in() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    app.advance(TimeDelta::minutes(5));
    let again = switch(&app, &elan.elsewhere, &elan.id).await.expect(200).body;
    let (before, after) = (claims(token(&elan.elsewhere)), claims(token(&again)));
    for kept in ["amr", "acr", "auth_time", "sub", "tv"] {
        assert_eq!(before[kept], after[kept], "{kept}");
    }
    assert_eq!((&after["tenant_id"], &after["roles"]), (&json!(elan.id), &json!(["admin"])));
    assert_ne!(before["sid"], after["sid"]);
    people::profile(&app, token(&elan.elsewhere)).await.expect(200);
    let next = refresh_at(&app, &elan.host(), &again).await.expect(200).body;
    profile_at(&app, &elan.host(), &next).await.expect(200);
    people::refresh(&app, text(&again, "refreshToken")).await.expect(401);
    let ends = "SELECT DISTINCT absolute_expires_at <= authenticated_at + interval '30 days' AS bounded FROM sessions";
    assert_eq!(app.sql(ends).await, [json!({ "bounded": true })]);
}

/// V15: switching is no way around the second factor that a role makes mandatory.
#[actix_web::test]
async fn v15_switching_to_where_a_second_factor_is_mandatory_opens_enrolment_alone() {
    let app = TestApp::<Auth>::start().await;
    let anna = plain_person(&app, "anna").await;
    let id = create(&app, &anna, "elan").await.expect(201).text("tenantId");
    let there = switch(&app, &anna, &id).await.expect(200).body;
    assert_eq!(there["secondFactorEnrolmentRequired"], true);
    let settings = app.get("/api/tenants/current").at_host("elan.shinkofa.localhost").token(token(&there));
    settings.send().await.expect_problem(403, "second_factor_enrolment_required");
    profile_at(&app, "elan.shinkofa.localhost", &there).await.expect(200);
}

/// V24: what was given out by one studio is worth nothing at the host of another, not even of a person of both.
#[actix_web::test]
async fn v24_the_tokens_of_one_studio_open_nothing_at_another() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let other = studio(&app, "bob", "other").await;
    for (host, by) in [
        (elan.host(), &elan.elsewhere),
        (elan.host(), &other.admin),
        (other.host(), &elan.admin),
        ("app.shinkofa.localhost".to_owned(), &elan.admin),
    ] {
        profile_at(&app, &host, by).await.expect_problem(403, "wrong_tenant");
        for path in ["/api/tenants/members", "/api/tenants/invitations", "/api/tenants/current"] {
            let call = app.get(path).at_host(&host).token(token(by));
            call.send().await.expect_problem(403, "wrong_tenant");
        }
        refresh_at(&app, &host, by).await.expect_problem(401, "refresh_refused");
    }
    // And where they are from they are as good as before.
    profile_at(&app, &elan.host(), &elan.admin).await.expect(200);
    refresh_at(&app, &elan.host(), &elan.admin).await.expect(200);
}

/// V24: a studio that one is not in answers as one that does not exist.
#[actix_web::test]
async fn v24_a_studio_that_is_not_mine_is_not_there() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let bob = plain_person(&app, "bob").await;
    let theirs = anonymous(switch(&app, &bob, &elan.id).await);
    let nobodys = anonymous(switch(&app, &bob, "01920000-0000-7000-8000-0000000000ee").await);
    assert_eq!((theirs.0, &theirs), (404, &nobodys));
    let mine = app.get("/api/tenants").token(token(&bob)).send().await.expect(200).body;
    assert_eq!(mine["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_changed_name_is_told_in_every_studio_that_a_person_belongs_to() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let before = app.events().await.len();
    let rename = app.call(Method::PATCH, "/api/user/profile").token(token(&elan.elsewhere));
    rename.json(&json!({ "name": "Anna Nouvelle" })).send().await.expect(200);
    let events = app.events().await;
    let mut told: Vec<_> = events[before..]
        .iter()
        .filter(|event| event["type"] == "user.changed" && event["personal"]["name"] == "Anna Nouvelle")
        .map(|event| event["for_tenant"].clone())
        .collect();
    told.sort_by_key(ToString::to_string);
    assert_eq!(told, [json!("01920000-0000-7000-8000-000000000001"), json!(elan.id)]);
    assert_eq!(user_id(&elan.admin), user_id(&elan.elsewhere));
}
