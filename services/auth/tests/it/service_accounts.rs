//! Accounts of programs: who makes them, what they may be given, and how their keys come and go.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::factors;
use crate::machines::{PATH, create, create_key, exchange, machine, order, revoke};
use crate::people::{self, address, text};
use crate::staff::{set_role, staff, staff_again, token, user_id};

const OTHER_TENANT: &str = "01920000-0000-7000-8000-0000000000aa";

async fn show(app: &TestApp<Auth>, by: &str, account: &str) -> Value {
    app.get(&format!("{PATH}/{account}")).token(by).send().await.expect(200).body
}

async fn keys(app: &TestApp<Auth>, by: &str, account: &str) -> Vec<Value> {
    let page = app.get(&format!("{PATH}/{account}/keys")).token(by).send().await.expect(200).body;
    page["items"].as_array().expect("items").clone()
}

async fn actions(app: &TestApp<Auth>, subject: &str) -> Vec<Value> {
    let query = format!(
        "SELECT action FROM audit_events WHERE subject_id = '{subject}' ORDER BY transaction, number"
    );
    app.sql(&query).await.into_iter().map(|row| row["action"].clone()).collect()
}

#[actix_web::test]
async fn an_admin_makes_shows_changes_disables_and_deletes_a_service_account_and_all_of_it_is_audited() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let by = token(&admin);
    let made =
        create(&app, by, &["booking.sessions.manage", "booking.classes.manage"]).await.expect(201).body;
    assert_eq!(made["scopes"], json!(["booking.classes.manage", "booking.sessions.manage"]));
    assert_eq!(
        (&made["name"], &made["active"], &made["createdBy"]),
        (&json!("Timetable import"), &json!(true), &json!(user_id(&admin)))
    );
    let id = text(&made, "id");
    assert_eq!(show(&app, by, id).await, made);

    let change = json!({ "name": "Import", "scopes": ["booking.classes.manage"] });
    let path = format!("{PATH}/{id}");
    let changed = app.call(Method::PATCH, &path).token(by).json(&change).send().await.expect(200).body;
    assert_eq!(
        (&changed["name"], &changed["description"], &changed["scopes"]),
        (&json!("Import"), &json!("Fills the calendar"), &json!(["booking.classes.manage"]))
    );
    // What is so already is no change.
    app.call(Method::PATCH, &path).token(by).json(&change).send().await.expect(200);
    for (what, active) in [("disable", false), ("disable", false), ("enable", true), ("enable", true)] {
        order(&app, by, id, what).await.expect(204);
        assert_eq!(show(&app, by, id).await["active"], active, "{what}");
    }
    app.call(Method::DELETE, &path).token(by).send().await.expect(204);
    app.get(&path).token(by).send().await.expect_problem(404, "not_found");
    assert_eq!(
        actions(&app, id).await,
        [
            "service_account.created",
            "service_account.changed",
            "service_account.disabled",
            "service_account.enabled",
            "service_account.deleted"
        ]
    );
    assert_eq!(app.sql("SELECT id FROM users WHERE kind = 'service'").await.len(), 0);
}

#[actix_web::test]
async fn a_key_is_shown_once_and_kept_as_a_digest_alone() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let by = token(&admin);
    let account = create(&app, by, &["booking.classes.manage"]).await.expect(201).text("id");
    let body = json!({ "name": "Production", "expiresInDays": 7 });
    let path = format!("{PATH}/{account}/keys");
    let made = app.post(&path).token(by).json(&body).send().await.expect(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let (key, prefix) = (made.text("apiKey"), made.text("prefix"));
    assert!(key.starts_with(&format!("{prefix}_")) && prefix.starts_with("shk_"), "{key}");
    assert_eq!(made.body["expiresAt"], json!(app.clock.now() + TimeDelta::days(7)));

    let listed = keys(&app, by, &account).await;
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["prefix"], &listed[0]["live"]), (&json!(prefix), &json!(true)));
    let secret = key.rsplit('_').next().unwrap();
    let shown = json!([listed, show(&app, by, &account).await]).to_string();
    assert!(!shown.contains(secret));
    for table in ["api_keys", "service_accounts", "audit_events", "events", "jobs"] {
        let rows = serde_json::to_string(&app.sql(&format!("SELECT * FROM {table}")).await).unwrap();
        assert!(!rows.contains(secret), "{table}");
    }
    assert_eq!(
        factors::letters(&app, &address(&app, "ada")).await,
        ["api_key_created"],
        "every admin hears of it"
    );
    for days in [0, 366, -1] {
        let body = json!({ "name": "Production", "expiresInDays": days });
        app.post(&path).token(by).json(&body).send().await.expect_problem(422, "invalid_fields");
    }
    app.advance(TimeDelta::days(7));
    exchange(&app, &key).await.expect_problem(401, "key_refused");
}

#[actix_web::test]
async fn two_keys_are_alive_while_one_takes_the_place_of_the_other_and_never_three() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let by = token(&admin);
    let old = machine(&app, by, &["booking.classes.manage"]).await;
    let made = join_all((0..6).map(|_| create_key(&app, by, &old.account))).await;
    let (new, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((new.len(), refused.len()), (1, 5), "of many at once one is the second");
    for answer in refused {
        answer.expect_problem(409, "too_many_keys");
    }
    let new = new[0].text("apiKey");
    for key in [&old.key, &new] {
        exchange(&app, key).await.expect(200);
    }
    revoke(&app, by, &old.account, &old.key_id).await.expect(204);
    revoke(&app, by, &old.account, &old.key_id).await.expect(204);
    exchange(&app, &old.key).await.expect_problem(401, "key_refused");
    exchange(&app, &new).await.expect(200);
    create_key(&app, by, &old.account).await.expect(201);
    let revoked = app.sql("SELECT id FROM audit_events WHERE action = 'api_key.revoked'").await;
    assert_eq!(revoked.len(), 1);
}

#[actix_web::test]
async fn nobody_gives_a_program_what_they_may_not_do_themselves_nor_what_is_for_people_alone() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    for scopes in [
        &["auth.users.impersonate"][..],
        &["auth.service_accounts.manage"],
        &["auth.webhooks.manage"],
        &["*"],
        &["booking.classes.manage", "booking.classes.manage"],
        &[],
    ] {
        create(&app, token(&admin), scopes).await.expect_problem(422, "invalid_fields");
    }
    let wide = create(&app, token(&admin), &["auth.audit.read"]).await.expect(201).text("id");

    // A manager is let at service accounts by the roles of a token alone, and the database says otherwise.
    let manager = staff(&app, "max", "manager").await;
    create(&app, token(&manager), &["booking.classes.manage"]).await.expect_problem(403, "permission_denied");
    create_key(&app, token(&manager), &wide).await.expect_problem(403, "permission_denied");
    let admin = staff_again(&app, "ada").await;
    set_role(&app, &address(&app, "ada"), "manager").await;
    create(&app, token(&admin), &["auth.audit.read"]).await.expect_problem(403, "permission_denied");
    create_key(&app, token(&admin), &wide).await.expect_problem(403, "permission_denied");
    assert_eq!(app.sql("SELECT user_id FROM service_accounts").await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM api_keys").await.len(), 0);
}

#[actix_web::test]
async fn what_gives_a_program_more_asks_again_who_one_is() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let old = machine(&app, token(&admin), &["booking.classes.manage"]).await;
    let email = address(&app, "ada");
    let with = factors::App {
        factor_id: String::new(),
        secret: factors::SECRET.to_vec(),
        recovery_codes: Vec::new(),
    };
    let admin = factors::sign_in_with(&app, &email, &with).await;
    app.advance(TimeDelta::minutes(11));
    let by = token(&admin);
    create(&app, by, &["booking.classes.manage"]).await.expect_problem(403, "step_up_required");
    create_key(&app, by, &old.account).await.expect_problem(403, "step_up_required");
    order(&app, by, &old.account, "enable").await.expect_problem(403, "step_up_required");
    let path = format!("{PATH}/{}", old.account);
    let change = json!({ "scopes": ["auth.users.manage"] });
    app.call(Method::PATCH, &path)
        .token(by)
        .json(&change)
        .send()
        .await
        .expect_problem(403, "step_up_required");
    // Taking back never waits.
    revoke(&app, by, &old.account, &old.key_id).await.expect(204);
    order(&app, by, &old.account, "disable").await.expect(204);
    app.call(Method::DELETE, &path).token(by).send().await.expect(204);
}

/// An account and a key of another tenant.
async fn strangers(app: &TestApp<Auth>) {
    app.superuser()
        .await
        .run(&format!(
            "INSERT INTO tenants (id, slug, name, time_zone) VALUES ('{OTHER_TENANT}', 'other', 'Other', 'UTC');
             INSERT INTO tenant_realms VALUES ('{OTHER_TENANT}', '01920000-0000-7000-8000-000000000000');
             UPDATE memberships SET tenant_id = '{OTHER_TENANT}' WHERE user_id = (SELECT user_id FROM service_accounts)"
        ))
        .await;
}

/// V24: what belongs to another tenant answers as what does not exist, and its keys bring nothing here.
#[actix_web::test]
async fn v24_a_service_account_of_another_tenant_is_as_if_it_were_not_there() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let by = token(&admin);
    let theirs = machine(&app, by, &["booking.classes.manage"]).await;
    let moves = "ALTER TABLE service_accounts DROP CONSTRAINT service_accounts_tenant_id_user_id_fkey;
        ALTER TABLE api_keys DROP CONSTRAINT api_keys_tenant_id_user_id_fkey;";
    app.superuser().await.run(moves).await;
    strangers(&app).await;
    let moves = format!(
        "UPDATE service_accounts SET tenant_id = '{OTHER_TENANT}'; UPDATE api_keys SET tenant_id = '{OTHER_TENANT}'"
    );
    app.superuser().await.run(&moves).await;

    let nobody = "01920000-0000-7000-8000-0000000000ee";
    let body = json!({ "name": "Production" });
    for (method, what) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/disable"),
        ("POST", "/enable"),
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("DELETE", "/keys/01920000-0000-7000-8000-0000000000ef"),
    ] {
        let mut answers = Vec::new();
        for whom in [theirs.account.as_str(), nobody] {
            let path = format!("{PATH}/{whom}{what}");
            let mut answer = app.call(method.parse().unwrap(), &path).token(by).json(&body).send().await;
            answer.body.as_object_mut().unwrap().remove("requestId");
            answers.push((answer.status, answer.body));
        }
        assert_eq!((answers[0].0, &answers[0]), (404, &answers[1]), "{method} {what}");
    }
    let page = app.get(PATH).token(by).send().await.expect(200).body;
    assert_eq!(page["items"], json!([]));
    exchange(&app, &theirs.key).await.expect_problem(401, "key_refused");
    assert_eq!(app.sql("SELECT id FROM api_keys WHERE revoked_at IS NULL").await.len(), 1);
}

#[actix_web::test]
async fn a_service_account_has_no_other_way_in_and_nobody_takes_its_place() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let made = machine(&app, token(&admin), &["booking.classes.manage"]).await;
    let address = format!("{}@service.invalid", made.account);
    people::sign_up(&app, &address, people::PASSWORD).await.expect_problem(422, "invalid_fields");
    app.post("/api/auth/password/forgot").json(&json!({ "email": address })).send().await.expect(202);
    app.run_jobs().await;
    let kept = app.sql("SELECT name, password_phc FROM users WHERE kind = 'service'").await;
    assert_eq!(kept, [json!({ "name": "Timetable import", "password_phc": null })]);
    // Even with a password and a confirmed address there would be no way through.
    let grant = format!(
        "UPDATE users SET email_verified_at = now(), password_phc = (SELECT password_phc FROM users WHERE email = '{}')
         WHERE kind = 'service'",
        crate::people::address(&app, "ada")
    );
    app.superuser().await.run(&grant).await;
    people::sign_in(&app, &address, people::PASSWORD).await.expect_problem(403, "account_suspended");
    let path = format!("/api/admin/users/{}/impersonate", made.account);
    let call = app.post(&path).token(token(&admin)).json(&json!({ "reason": "a look around" }));
    call.send().await.expect_problem(403, "cannot_impersonate");
    exchange(&app, &made.key).await.expect(200);
}

#[actix_web::test]
async fn service_accounts_are_listed_page_by_page_and_are_not_without_number() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let by = token(&admin);
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(create(&app, by, &["booking.classes.manage"]).await.expect(201).text("id"));
        // Ids of one millisecond stand in no order.
        app.advance(TimeDelta::seconds(1));
    }
    let first = app.get(&format!("{PATH}?limit=2")).token(by).send().await.expect(200).body;
    let next = format!("{PATH}?limit=2&cursor={}", text(&first, "nextCursor"));
    let second = app.get(&next).token(by).send().await.expect(200).body;
    let ids = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()).collect()
    };
    let listed: Vec<Vec<String>> = vec![ids(&first), ids(&second)];
    assert_eq!(listed.concat(), made);
    assert_eq!(second["nextCursor"], Value::Null);
    let many = "INSERT INTO memberships SELECT m.tenant_id, gen_random_uuid(), m.realm_id, m.status, m.tier, now(), now()
            FROM memberships m JOIN service_accounts s USING (tenant_id, user_id), generate_series(1, 33);
        INSERT INTO service_accounts SELECT m.tenant_id, m.user_id, '', 'auth.audit.read', m.user_id, now(), NULL
            FROM memberships m WHERE NOT EXISTS (SELECT FROM users WHERE id = m.user_id)";
    app.superuser().await.run(many).await;
    create(&app, by, &["booking.classes.manage"]).await.expect_problem(409, "too_many_service_accounts");
}

/// Held up when both have counted, or would have: the second counts when the first one's is there.
#[actix_web::test]
async fn of_two_who_make_the_last_service_account_at_once_one_does() {
    let app = TestApp::<Auth>::start().await;
    let ada = staff(&app, "ada", "admin").await;
    let bea = staff(&app, "bea", "admin").await;
    create(&app, token(&ada), &["booking.classes.manage"]).await.expect(201);
    let many = "INSERT INTO memberships SELECT m.tenant_id, gen_random_uuid(), m.realm_id, m.status, m.tier, now(), now()
            FROM memberships m JOIN service_accounts s USING (tenant_id, user_id), generate_series(1, 98);
        INSERT INTO service_accounts SELECT m.tenant_id, m.user_id, '', 'auth.audit.read', m.user_id, now(), NULL
            FROM memberships m WHERE NOT EXISTS (SELECT FROM users WHERE id = m.user_id)";
    app.superuser().await.run(many).await;
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE service_accounts IN SHARE MODE").await;
    let making = join_all([&ada, &bea].map(|who| create(&app, token(who), &["booking.classes.manage"])));
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (made, ()) = futures_util::future::join(making, let_go).await;
    let mut statuses: Vec<_> = made.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}
