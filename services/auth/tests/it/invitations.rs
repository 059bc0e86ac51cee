//! Invitations: by letter and by code, accepted as often as they say and no more.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_runtime::Service as _;
use shinkofa_testing::{Answer, TestApp};

use crate::people::{self, PASSWORD, address, text};
use crate::staff::{token, user_id};
use crate::studios::{accept, anonymous, invitation_token, plain_person, sign_in_at, studio, switch};
use crate::{letters, trail};

const BAN: &str = "01920000-0000-7000-8000-0000000000b1";

async fn join(app: &TestApp<Auth>, invitation: &str) -> Answer {
    app.post("/api/tenants/invitations/join").json(&json!({ "token": invitation })).send().await
}

async fn sign_up_with(app: &TestApp<Auth>, host: &str, email: &str, invitation: Value) -> Answer {
    let mut body = json!({ "email": email, "password": PASSWORD, "name": "Zoé", "locale": "fr" });
    if !invitation.is_null() {
        body["invitation"] = invitation;
    }
    let answer = app.post("/api/auth/signup").at_host(host).json(&body).send().await;
    app.run_jobs().await;
    answer
}

#[actix_web::test]
async fn a_letter_invites_the_owner_of_its_address_alone_and_once() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (mia, eve) = (plain_person(&app, "mia").await, plain_person(&app, "eve").await);
    let email = address(&app, "mia");
    let made = elan.invite(&app, &elan.admin, &email.to_uppercase(), &["member", "coach"]).await.expect(201);
    assert_eq!((&made.body["state"], &made.body["code"]), (&json!("open"), &Value::Null));
    elan.invite(&app, &elan.admin, &email, &["member"]).await.expect_problem(409, "already_invited");
    let events = app.events().await;
    let letter = events.iter().rfind(|event| event["type"] == "account_letter.requested").unwrap();
    assert_eq!((&letter["for_tenant"], &letter["data"]["locale"]), (&json!(elan.id), &json!("fr")));
    assert_ne!(
        letter["data"]["userId"],
        json!(user_id(&mia)),
        "nobody is told that the address has an account"
    );

    let secret = letters::secrets(&app, &email.to_uppercase(), "invitation").await.pop().unwrap();
    let invitation = secret.link_token.unwrap();
    accept(&app, &eve, json!({ "token": invitation })).await.expect_problem(403, "other_address");
    let joined = accept(&app, &mia, json!({ "token": invitation })).await.expect(200).body;
    assert_eq!((&joined["tenantId"], &joined["roles"]), (&json!(elan.id), &json!(["coach", "member"])));
    accept(&app, &mia, json!({ "token": invitation })).await.expect_problem(410, "invitation_gone");
    elan.invite(&app, &elan.admin, &email, &["member"]).await.expect_problem(409, "already_member");
    switch(&app, &mia, &elan.id).await.expect(200);
    let all = elan.get(&app, "/api/tenants/invitations?state=all", &elan.admin).await.expect(200).body;
    assert_eq!((&all["items"][0]["state"], &all["items"][0]["uses"]), (&json!("accepted"), &json!(1)));
    let open = elan.get(&app, "/api/tenants/invitations", &elan.admin).await.expect(200).body;
    assert_eq!(open["items"], json!([]));
    let trail = "SELECT action FROM audit_events WHERE action IN ('invitation.accepted', 'membership.begun') AND tenant_id <> '01920000-0000-7000-8000-000000000001' ORDER BY number";
    assert_eq!(app.sql(trail).await.len(), 3, "with that of the founder");
    let events = serde_json::to_string(&app.events().await).unwrap();
    assert!(!events.contains(&invitation), "the token is told to nobody but notify");
}

/// V3: of fifty at once exactly one is let in by what is good for one.
#[actix_web::test]
async fn v03_fifty_parallel_accepts_let_in_exactly_one() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    elan.invite(&app, &elan.admin, &address(&app, "mia"), &["member"]).await.expect(201);
    let invitation = invitation_token(&app, &address(&app, "mia")).await;
    let answers = join_all((0..50).map(|_| accept(&app, &mia, json!({ "token": invitation })))).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of(200), of(410)), (1, 49));

    let mut people = Vec::new();
    for number in 0..10 {
        people.push(plain_person(&app, &format!("p{number}")).await);
    }
    let code = elan.code(&app, &["member"], 3).await;
    let answers = join_all(
        people.iter().flat_map(|person| (0..5).map(|_| accept(&app, person, json!({ "code": code })))),
    )
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
    assert!(answers.iter().all(|answer| [200, 409, 410].contains(&answer.status)));
    let begun = format!("SELECT user_id FROM memberships WHERE tenant_id = '{}'", elan.id);
    assert_eq!(app.sql(&begun).await.len(), 1 + 1 + 3);
    let uses = app.sql("SELECT uses FROM invitations WHERE kind = 'code'").await;
    assert_eq!(uses, [json!({ "uses": 3 })]);
    assert_eq!(app.sql("SELECT user_id FROM invitation_acceptances").await.len(), 4);
}

#[actix_web::test]
async fn a_code_is_read_as_people_type_it_and_an_unknown_one_answers_as_a_used_one() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (mia, eve) = (plain_person(&app, "mia").await, plain_person(&app, "eve").await);
    let code = elan.code(&app, &["member"], 1).await;
    let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
    accept(&app, &mia, json!({ "code": typed })).await.expect(200);
    let used = anonymous(accept(&app, &eve, json!({ "code": code })).await);
    let unknown = anonymous(accept(&app, &eve, json!({ "code": "00000-00000" })).await);
    assert_eq!((used.0, &used), (410, &unknown));
    let token = anonymous(accept(&app, &eve, json!({ "token": code })).await);
    assert_eq!(token, unknown, "a code is no token");
    for bad in [json!({}), json!({ "code": code, "token": "x" }), json!({ "code": "" }), json!({ "code": 5 })]
    {
        accept(&app, &eve, bad).await.expect_problem(422, "invalid_fields");
    }
    let kept = serde_json::to_string(&app.sql("SELECT * FROM invitations").await).unwrap();
    assert!(!kept.contains(&code.replace('-', "")) && !kept.contains(&code));
}

/// V23: a code that is good for many undoes no demotion and no removal of one of them.
#[actix_web::test]
async fn v23_whoever_used_a_code_and_lost_what_it_gave_does_not_use_it_again() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let code = elan.code(&app, &["coach"], 1000).await;
    let (mia, eve) = (plain_person(&app, "mia").await, plain_person(&app, "eve").await);
    accept(&app, &mia, json!({ "code": code })).await.expect(200);
    elan.set_roles(&app, &elan.admin, user_id(&mia), &["member"]).await.expect(200);
    let here = switch(&app, &mia, &elan.id).await.expect(200).body;
    elan.delete(&app, "/api/tenants/members/me", &here).await.expect(204);
    accept(&app, &mia, json!({ "code": code })).await.expect_problem(410, "invitation_gone");
    switch(&app, &mia, &elan.id).await.expect_problem(404, "not_found");
    assert_eq!(app.sql("SELECT uses FROM invitations").await, [json!({ "uses": 1 })]);
    // It is as good as before for everybody else, and staff may invite anew.
    accept(&app, &eve, json!({ "code": code })).await.expect(200);
    let again = elan.code(&app, &["member"], 1).await;
    let joined = accept(&app, &mia, json!({ "code": again })).await.expect(200);
    assert_eq!(joined.body["roles"], json!(["member"]));
    let removed = format!("/api/tenants/members/{}", user_id(&eve));
    elan.delete(&app, &removed, &elan.admin).await.expect(204);
    accept(&app, &eve, json!({ "code": code })).await.expect_problem(410, "invitation_gone");
}

/// Held up when both have counted, or would have: the second counts when the first one's is there.
#[actix_web::test]
async fn of_two_who_make_the_last_open_invitation_at_once_one_does() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    elan.code(&app, &["member"], 1).await;
    let many = "INSERT INTO invitations SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid()))).*
        FROM invitations i, generate_series(1, 498)";
    app.superuser().await.run(many).await;
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE invitations IN SHARE MODE").await;
    let body = json!({ "kind": "code", "roles": ["member"] });
    let inviting =
        join_all((0..2).map(|_| elan.post(&app, "/api/tenants/invitations", &elan.admin, body.clone())));
    let let_go = async {
        app.until_waiting(2).await;
        holder.run("COMMIT").await;
    };
    let (made, ()) = futures_util::future::join(inviting, let_go).await;
    let mut statuses: Vec<_> = made.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

/// Held up when it is settled that they are nothing here: when they are let in, staff have suspended what they became by another way.
#[actix_web::test]
async fn whoever_is_suspended_while_they_accept_an_invitation_stays_suspended() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    // The membership of who invites is held by who accepts: so it is not the admin's, who suspends.
    let max = elan.member(&app, "max", &["manager"]).await;
    let mia = plain_person(&app, "mia").await;
    elan.invite(&app, &max, &address(&app, "mia"), &["member"]).await.expect(201);
    let invitation = invitation_token(&app, &address(&app, "mia")).await;
    let mut holder = app.superuser().await;
    holder.run("BEGIN; LOCK TABLE invitation_acceptances IN SHARE MODE").await;
    let accepting = accept(&app, &mia, json!({ "token": invitation }));
    let meanwhile = async {
        app.until_waiting(1).await;
        let by_themselves = app.post("/api/tenants/join").token(token(&mia)).json(&json!({ "slug": "elan" }));
        by_themselves.send().await.expect(200);
        let path = format!("/api/tenants/members/{}/suspend", user_id(&mia));
        elan.post(&app, &path, &elan.admin, json!({ "reason": "chargebacks" })).await.expect(204);
        holder.run("COMMIT").await;
    };
    let (accepted, ()) = futures_util::future::join(accepting, meanwhile).await;
    accepted.expect_problem(403, "membership_suspended");
    let status = format!(
        "SELECT status FROM memberships WHERE tenant_id = '{}' AND user_id = '{}'",
        elan.id,
        user_id(&mia)
    );
    assert_eq!(app.sql(&status).await, [json!({ "status": "suspended" })]);
    let uses = app.sql("SELECT uses FROM invitations WHERE kind = 'email'").await;
    assert_eq!(uses, [json!({ "uses": 0 })], "nothing was done");
}

#[actix_web::test]
async fn codes_cannot_be_guessed_one_after_the_other() {
    let app = TestApp::<Auth>::builder().without_redis().production_limits().start::<Auth>().await;
    let mia = plain_person(&app, "mia").await;
    for number in 0..20 {
        let guess = json!({ "code": format!("{number:010}") });
        accept(&app, &mia, guess).await.expect_problem(410, "invitation_gone");
    }
    accept(&app, &mia, json!({ "code": "0000000021" })).await.expect_problem(429, "too_many_requests");
}

#[actix_web::test]
async fn what_was_revoked_has_expired_or_was_sent_anew_is_gone() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    let email = address(&app, "mia");
    let id = elan.invite(&app, &elan.admin, &email, &["member"]).await.expect(201).text("invitationId");
    let path = format!("/api/tenants/invitations/{id}");
    let first = invitation_token(&app, &email).await;
    elan.post(&app, &format!("{path}/resend"), &elan.admin, json!({})).await.expect(202);
    let second = invitation_token(&app, &email).await;
    accept(&app, &mia, json!({ "token": first })).await.expect_problem(410, "invitation_gone");
    elan.delete(&app, &path, &elan.admin).await.expect(204);
    elan.delete(&app, &path, &elan.admin).await.expect(204);
    accept(&app, &mia, json!({ "token": second })).await.expect_problem(410, "invitation_gone");
    elan.post(&app, &format!("{path}/resend"), &elan.admin, json!({}))
        .await
        .expect_problem(410, "invitation_gone");

    let again = elan.invite(&app, &elan.admin, &email, &["member"]).await.expect(201);
    let third = invitation_token(&app, &email).await;
    app.advance(TimeDelta::days(7));
    let anna = crate::factors::signs_in_again(&app, &address(&app, "anna")).await;
    let admin = switch(&app, &anna, &elan.id).await.expect(200).body;
    let mia = people::sign_in(&app, &email, PASSWORD).await.expect(200).body;
    accept(&app, &mia, json!({ "token": third })).await.expect_problem(410, "invitation_gone");
    join(&app, &third).await.expect_problem(410, "invitation_gone");
    let path = format!("/api/tenants/invitations/{}/resend", again.text("invitationId"));
    elan.post(&app, &path, &admin, json!({})).await.expect(202);
    let fourth = invitation_token(&app, &email).await;
    accept(&app, &mia, json!({ "token": fourth })).await.expect(200);
}

/// V23: what an invitation promises is worth what its maker may still give.
#[actix_web::test]
async fn v23_an_invitation_promises_no_more_than_its_maker_holds_then_and_now() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let max = elan.member(&app, "max", &["manager"]).await;
    let (mia, eve) = (plain_person(&app, "mia").await, plain_person(&app, "eve").await);
    for raised in ["admin", "manager"] {
        let refused = elan.invite(&app, &max, "x@example.org", &["member", raised]).await;
        refused.expect_problem(403, "raises_above");
    }
    let to_admin = elan.invite(&app, &elan.admin, "y@example.org", &["admin"]).await.expect(201);
    let path = format!("/api/tenants/invitations/{}", to_admin.text("invitationId"));
    elan.delete(&app, &path, &max).await.expect_problem(403, "raises_above");
    elan.invite(&app, &max, &address(&app, "mia"), &["member"]).await.expect(201);
    elan.invite(&app, &max, &address(&app, "eve"), &["coach"]).await.expect(201);
    let (first, second) = (
        invitation_token(&app, &address(&app, "mia")).await,
        invitation_token(&app, &address(&app, "eve")).await,
    );
    accept(&app, &mia, json!({ "token": first })).await.expect(200);
    elan.set_roles(&app, &elan.admin, user_id(&max), &["member"]).await.expect(200);
    accept(&app, &eve, json!({ "token": second })).await.expect_problem(410, "invitation_gone");
}

#[actix_web::test]
async fn an_invitation_is_good_for_nothing_while_its_makers_account_is_suspended_or_banned() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let max = elan.member(&app, "max", &["manager"]).await;
    let (mia, eve) = (plain_person(&app, "mia").await, plain_person(&app, "eve").await);
    let code = elan.code(&app, &["coach"], 1).await;
    elan.invite(&app, &max, &address(&app, "eve"), &["member"]).await.expect(201);
    let invitation = invitation_token(&app, &address(&app, "eve")).await;

    let ban = json!({ "banId": BAN, "userId": user_id(&max), "reason": "spam in three salons" });
    elan.post(&app, "/api/admin/bans", &elan.admin, ban).await.expect(200);
    accept(&app, &eve, json!({ "token": invitation })).await.expect_problem(410, "invitation_gone");
    join(&app, &invitation).await.expect_problem(410, "invitation_gone");
    elan.delete(&app, &format!("/api/admin/bans/{BAN}"), &elan.admin).await.expect(204);
    accept(&app, &eve, json!({ "token": invitation })).await.expect(200);

    let anna = address(&app, "anna");
    let operator = async |command: &str, arguments: &[&str]| {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        app.service().command(command, &arguments).await.unwrap();
    };
    operator("suspend-account", &["--email", &anna, "--reason", "a stolen mailbox"]).await;
    accept(&app, &mia, json!({ "code": code })).await.expect_problem(410, "invitation_gone");
    let sign_up = sign_up_with(&app, &elan.host(), &address(&app, "zoe"), json!({ "code": code })).await;
    sign_up.expect_problem(410, "invitation_gone");
    operator("restore-account", &["--email", &anna]).await;
    let joined = accept(&app, &mia, json!({ "code": code })).await.expect(200).body;
    assert_eq!(joined["roles"], json!(["coach"]));
}

#[actix_web::test]
async fn whoever_reads_the_letter_joins_without_signing_in_or_is_told_to_sign_up() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    elan.invite(&app, &elan.admin, &address(&app, "mia"), &["member"]).await.expect(201);
    let token_of_mia = invitation_token(&app, &address(&app, "mia")).await;
    assert_eq!(join(&app, &token_of_mia).await.expect(200).body["slug"], "elan");
    join(&app, &token_of_mia).await.expect_problem(410, "invitation_gone");
    switch(&app, &mia, &elan.id).await.expect(200);

    elan.invite(&app, &elan.admin, &address(&app, "zoe"), &["coach"]).await.expect(201);
    let token_of_zoe = invitation_token(&app, &address(&app, "zoe")).await;
    join(&app, &token_of_zoe).await.expect_problem(409, "sign_up_first");
    let code = elan.code(&app, &["member"], 1).await;
    join(&app, &code).await.expect_problem(410, "invitation_gone");
    let page = app.get("/invitation").header("accept-language", "fr").send().await.expect(200);
    assert!(page.body.as_str().unwrap().contains("Rejoindre"));
}

#[actix_web::test]
async fn where_only_invited_people_sign_up_an_invitation_opens_the_door_once_the_address_is_confirmed() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let (host, zoe) = (elan.host(), address(&app, "zoe"));
    let close = elan.call(&app, Method::PATCH, "/api/tenants/current", &elan.admin).header("if-match", "*");
    close.json(&json!({ "selfSignUp": false })).send().await.expect(200);
    sign_up_with(&app, &host, &zoe, Value::Null).await.expect_problem(403, "sign_up_by_invitation");
    let guest = app.post("/api/auth/anonymous").at_host(&host).json(&json!({})).send().await;
    guest.expect_problem(403, "sign_up_by_invitation");
    sign_up_with(&app, &host, &zoe, json!({ "code": "00000-00000" }))
        .await
        .expect_problem(410, "invitation_gone");

    elan.invite(&app, &elan.admin, &zoe, &["coach"]).await.expect(201);
    let invitation = json!({ "token": invitation_token(&app, &zoe).await });
    let stranger = address(&app, "stranger");
    sign_up_with(&app, &host, &stranger, invitation.clone()).await.expect_problem(403, "other_address");
    // The letter's page is the platform's own: the invitation leads to its studio all the same.
    sign_up_with(&app, "app.shinkofa.localhost", &zoe, invitation.clone()).await.expect(202);
    let status = format!(
        "SELECT m.status, (SELECT count(*) FROM membership_roles r WHERE r.user_id = m.user_id) AS roles
         FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = '{zoe}'"
    );
    assert_eq!(app.sql(&status).await, [json!({ "status": "invited", "roles": 0 })]);
    let token = people::mailed_token(&app, &zoe).await;
    people::verify(&app, &token).await.expect(204);
    assert_eq!(app.sql(&status).await, [json!({ "status": "active", "roles": 1 })]);
    let body = sign_in_at(&app, &host, &zoe).await.expect(200).body;
    assert_eq!(body["user"]["roles"], json!(["coach"]));
    sign_in_at(&app, "app.shinkofa.localhost", &zoe).await.expect_problem(403, "not_a_member");
    sign_up_with(&app, &host, &stranger, invitation).await.expect_problem(410, "invitation_gone");
}

/// V23: whoever signed up with an invitation that is gone when they confirm stays outside where only invited people are.
#[actix_web::test]
async fn v23_an_invitation_that_is_revoked_before_the_address_is_confirmed_lets_nobody_in() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let set = async |open: bool| {
        let call =
            elan.call(&app, Method::PATCH, "/api/tenants/current", &elan.admin).header("if-match", "*");
        call.json(&json!({ "selfSignUp": open })).send().await.expect(200);
    };
    for (who, open) in [("zoe", false), ("yan", true)] {
        set(open).await;
        let email = address(&app, who);
        let id = elan.invite(&app, &elan.admin, &email, &["coach"]).await.expect(201).text("invitationId");
        let invitation = json!({ "token": invitation_token(&app, &email).await });
        sign_up_with(&app, &elan.host(), &email, invitation).await.expect(202);
        elan.delete(&app, &format!("/api/tenants/invitations/{id}"), &elan.admin).await.expect(204);
        let token = people::mailed_token(&app, &email).await;
        people::verify(&app, &token).await.expect(204);
        let answer = sign_in_at(&app, &elan.host(), &email).await;
        if open {
            assert_eq!(answer.expect(200).body["user"]["roles"], json!(["member"]));
        } else {
            answer.expect_problem(403, "not_a_member");
            let told = app.events().await;
            let is_it = |event: &Value| {
                event["type"] == "user.changed" && event["personal"]["email"] == email.as_str()
            };
            assert!(!told.iter().any(is_it), "its address book does not know who stays outside");
        }
    }
}

#[actix_web::test]
async fn bounds_of_invitations() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    for bad in [
        json!({ "kind": "email", "email": "not an address", "roles": ["member"] }),
        json!({ "kind": "email", "email": "a@example.org", "roles": [] }),
        json!({ "kind": "email", "email": "a@example.org", "roles": ["emperor"] }),
        json!({ "kind": "email", "email": "a@example.org", "roles": ["member"], "daysOpen": 91 }),
        json!({ "kind": "email", "email": "a@example.org", "roles": ["member"], "maxUses": 2 }),
        json!({ "kind": "email", "roles": ["member"] }),
        json!({ "kind": "code", "email": "a@example.org", "roles": ["member"] }),
        json!({ "kind": "code", "roles": ["member"], "maxUses": 0 }),
        json!({ "kind": "code", "roles": ["member"], "maxUses": 1001 }),
        json!({ "kind": "pigeon", "roles": ["member"] }),
        json!({}),
    ] {
        let answer = elan.post(&app, "/api/tenants/invitations", &elan.admin, bad).await;
        answer.expect_problem(422, "invalid_fields");
    }
    let mia = elan.member(&app, "mia", &["member"]).await;
    elan.invite(&app, &mia, "a@example.org", &["member"]).await.expect_problem(403, "permission_denied");
    assert_eq!(text(&elan.admin["user"], "tenantId"), elan.id);
    elan.get(&app, "/api/tenants/invitations?state=none", &elan.admin)
        .await
        .expect_problem(422, "invalid_fields");
}

#[actix_web::test]
async fn who_was_invited_is_forgotten_when_it_is_long_over() {
    let app = TestApp::<Auth>::start().await;
    let elan = studio(&app, "anna", "elan").await;
    let mia = plain_person(&app, "mia").await;
    let email = address(&app, "mia");
    elan.invite(&app, &elan.admin, &email, &["member"]).await.expect(201);
    let id = app.sql("SELECT id FROM invitations").await[0]["id"].as_str().unwrap().to_owned();
    let invitation = invitation_token(&app, &email).await;
    accept(&app, &mia, json!({ "token": invitation })).await.expect(200);

    app.advance(TimeDelta::days(38));
    app.run_jobs().await;
    assert!(app.sql("SELECT id FROM invitations").await.is_empty());
    assert!(app.sql("SELECT digest FROM invitation_keys").await.is_empty());
    let events = app.events().await;
    let about =
        |kind: &str| events.iter().rfind(|event| event["type"] == kind && event["aggregate_id"] == json!(id));
    assert_eq!(about("account_letter.requested").unwrap()["personal"], Value::Null);
    assert!(about("user.erasure_requested").is_some(), "notify forgets the letter");
    let forgotten = trail::entry(trail::by_service("auth"), "invitation", &id);
    assert_eq!(trail::told(&app, "invitation.forgotten").await, [forgotten]);
}
