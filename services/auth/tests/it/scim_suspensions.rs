//! Two who suspend (SCIM 2.0): what an identity provider says of somebody, beside what the staff does and they do themselves.

use auth::Auth;
use chrono::TimeDelta;
use futures_util::future::join3;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_kernel::TenantId;
use shinkofa_testing::{Answer, TestApp};

use crate::identity_provider::{Provider, SCOPE, USERS, active, expect_error, join, outsider};
use crate::machines::Machine;
use crate::people::{self, PASSWORD, address, text};
use crate::staff::user_id;
use crate::{letters, trail};

/// What staff do to a member.
async fn order(provider: &Provider, user: &str, what: &str) -> Answer {
    let path = format!("/api/tenants/members/{user}/{what}");
    let body = if what == "suspend" { json!({ "reason": "chargebacks" }) } else { json!({}) };
    provider.app.post(&path).token(&provider.admin).json(&body).send().await
}

async fn account_of(app: &TestApp<Auth>, email: &str) -> String {
    let found = app.sql(&format!("SELECT id FROM users WHERE email = '{email}'")).await;
    text(&found[0], "id").to_owned()
}

async fn lock_reason(app: &TestApp<Auth>) -> Vec<Value> {
    app.sql("SELECT reason FROM membership_locks").await
}

#[actix_web::test]
async fn whom_both_suspended_each_lets_in_for_themselves_alone() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let id = user_id(&anna);
    order(&provider, id, "suspend").await.expect(204);
    assert_eq!(provider.patch(id, active(false)).await.expect(200).body["active"], false);
    order(&provider, id, "reactivate").await.expect_problem(409, "deactivated_by_provider");
    let unlock = format!("/api/admin/users/{id}/unlock");
    app.post(&unlock).token(&provider.admin).send().await.expect_problem(409, "deactivated_by_provider");
    // The provider takes back what it said, and nothing of the staff's.
    assert_eq!(provider.patch(id, active(true)).await.expect(200).body["active"], false);
    expect_error(provider.patch(id, active(true)).await, 403, None, "suspended_by_staff");
    order(&provider, id, "reactivate").await.expect(204);
    assert!(provider.active(id).await);
    // That it said so is in the trail, though it changed nothing yet.
    let Machine { key, account, .. } = &provider.machine;
    let prefix = key.rsplit_once('_').expect("a key").0;
    let by = json!({ "kind": "apiKey", "prefix": prefix, "userId": account });
    let said = trail::entry(by, "tenant", &TenantId::DEFAULT.to_string());
    assert_eq!(trail::told(app, "provisioning.changed").await, [said.clone(), said]);

    provider.patch(id, active(false)).await.expect(200);
    order(&provider, id, "reactivate").await.expect_problem(409, "deactivated_by_provider");
    // An admin may speak in the provider's place.
    let body = json!({ "userName": address(app, "anna"), "active": true });
    let put = app.call(Method::PUT, &format!("{USERS}/{id}")).token(&provider.admin).json(&body);
    assert_eq!(put.send().await.expect(200).body["active"], true);
}

/// It is there as long as a program with a good key could say otherwise.
#[actix_web::test]
async fn whom_a_provider_that_is_gone_deactivated_staff_let_in() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let id = user_id(&anna);
    let account = format!("/api/tenants/service-accounts/{}", provider.machine.account);
    let post = async |path: &str| app.post(&format!("{account}/{path}")).token(&provider.admin).send().await;
    let narrow = async |scope: &str| {
        let body = json!({ "scopes": [scope] });
        app.call(Method::PATCH, &account).token(&provider.admin).json(&body).send().await.expect(200)
    };

    provider.patch(id, active(false)).await.expect(200);
    order(&provider, id, "reactivate").await.expect_problem(409, "deactivated_by_provider");
    post("disable").await.expect(204);
    order(&provider, id, "reactivate").await.expect(204);
    // What it said is forgotten: back again, it says nothing of them.
    post("enable").await.expect(204);
    assert!(provider.active(id).await);
    order(&provider, id, "suspend").await.expect(204);
    order(&provider, id, "reactivate").await.expect(204);

    provider.patch(id, active(false)).await.expect(200);
    narrow("booking.classes.manage").await;
    order(&provider, id, "reactivate").await.expect(204);
    narrow(SCOPE).await;

    provider.patch(id, active(false)).await.expect(200);
    order(&provider, id, "reactivate").await.expect_problem(409, "deactivated_by_provider");
    let key = format!("{account}/keys/{}", provider.machine.key_id);
    app.call(Method::DELETE, &key).token(&provider.admin).send().await.expect(204);
    order(&provider, id, "reactivate").await.expect(204);
    order(&provider, id, "reactivate").await.expect_problem(409, "not_locked");
}

#[actix_web::test]
async fn staff_make_a_suspension_by_the_provider_theirs() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let id = user_id(&anna);
    provider.patch(id, active(false)).await.expect(200);
    assert_eq!(lock_reason(app).await[0]["reason"], "Deactivated by the studio's identity provider");
    order(&provider, id, "suspend").await.expect(204);
    assert_eq!(lock_reason(app).await, [json!({ "reason": "chargebacks" })]);
    order(&provider, id, "suspend").await.expect_problem(409, "not_active");
    assert_eq!(provider.patch(id, active(true)).await.expect(200).body["active"], false);
    expect_error(provider.patch(id, active(true)).await, 403, None, "suspended_by_staff");
    expect_error(provider.delete(id).await, 403, None, "suspended_by_staff");
    order(&provider, id, "reactivate").await.expect(204);
    assert!(provider.active(id).await);
}

#[actix_web::test]
async fn whoever_joins_by_another_way_while_the_provider_wants_them_inactive_is_suspended_at_once() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let zoe = address(app, "zoe");
    let id = provider.bring(json!({ "userName": zoe, "active": false })).await.expect(201).text("id");
    people::confirmed(app, &zoe).await;
    people::sign_in(app, &zoe, PASSWORD).await.expect_problem(403, "not_a_member");
    assert_eq!(lock_reason(app).await[0]["reason"], "Deactivated by the studio's identity provider");
    assert!(!provider.active(&id).await);
    let user = account_of(app, &zoe).await;
    order(&provider, &user, "reactivate").await.expect_problem(409, "deactivated_by_provider");
    assert_eq!(provider.patch(&id, active(true)).await.expect(200).body["active"], true);
    people::sign_in(app, &zoe, PASSWORD).await.expect(200);
}

/// V23: held up when the invitation is used and the membership is there and not committed, so that whoever looks for a member
/// does not see one yet.
#[actix_web::test]
async fn v23_whoever_is_taken_out_while_they_accept_is_no_member() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let patch = json!({ "Operations": active(false) });
    for (who, method, status) in [("mia", Method::DELETE, 204), ("yan", Method::PATCH, 200)] {
        let email = outsider(app, who).await;
        let id = provider.bring(json!({ "userName": email })).await.expect(201).text("id");
        let mut holder = app.superuser().await;
        holder.run("BEGIN; LOCK TABLE membership_roles IN SHARE MODE").await;
        // An admin takes them out: the program's own membership is held by whoever accepts its invitation.
        let taken_out = async {
            app.until_waiting(1).await;
            let call = app.call(method.clone(), &format!("{USERS}/{id}")).token(&provider.admin);
            if method == Method::PATCH { call.json(&patch).send().await } else { call.send().await }
        };
        let let_go = async {
            app.until_waiting(2).await;
            holder.run("COMMIT").await;
        };
        let (joined, taken_out, ()) = join3(join(app, &email), taken_out, let_go).await;
        joined.expect(200);
        taken_out.expect(status);
        if method == Method::PATCH {
            people::sign_in(app, &email, PASSWORD).await.expect_problem(403, "not_a_member");
        } else {
            let answer = people::sign_in(app, &email, PASSWORD).await.expect(200);
            assert_eq!(answer.body["accountOnly"], true, "their account is theirs, and nothing else");
        }
    }
}

#[actix_web::test]
async fn a_letter_that_was_never_used_is_no_way_back() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let zoe = address(app, "zoe");
    let id = provider.bring(json!({ "userName": zoe })).await.expect(201).text("id");
    people::confirmed(app, &zoe).await;
    assert!(provider.active(&id).await, "they signed up without the letter");
    provider.delete(&id).await.expect(204);
    join(app, &zoe).await.expect_problem(410, "invitation_gone");
}

#[actix_web::test]
async fn what_staff_revoked_is_not_written_again_and_what_expired_is() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let (mia, yan) = (address(app, "mia"), address(app, "yan"));
    let letters = async |email: &str| letters::secrets(app, email, "invitation").await.len();
    let id = provider.bring(json!({ "userName": mia })).await.expect(201).text("id");
    let invitation = text(&app.sql("SELECT id FROM invitations").await[0], "id").to_owned();
    let path = format!("/api/tenants/invitations/{invitation}");
    app.call(Method::DELETE, &path).token(&provider.admin).send().await.expect(204);
    expect_error(provider.patch(&id, active(true)).await, 403, None, "suspended_by_staff");
    provider.patch(&id, active(false)).await.expect(200);
    expect_error(provider.patch(&id, active(true)).await, 403, None, "suspended_by_staff");
    assert_eq!(letters(&mia).await, 1);

    let id = provider.bring(json!({ "userName": yan })).await.expect(201).text("id");
    app.advance(TimeDelta::days(31));
    provider.patch(&id, active(true)).await.expect(200);
    assert_eq!(letters(&yan).await, 2);
}

/// Whoever has not confirmed an address may have signed up with somebody else's.
#[actix_web::test]
async fn an_account_with_an_unconfirmed_address_is_not_the_person_and_in_nobodys_way() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let (zoe, yan) = (address(app, "zoe"), address(app, "yan"));
    for email in [&zoe, &yan] {
        people::sign_up(app, email, PASSWORD).await.expect(202);
        let found = provider.find(&format!("userName eq \"{email}\"")).await;
        assert_eq!(found["totalResults"], 0);
    }
    let id = provider.bring(json!({ "userName": zoe })).await.expect(201).text("id");
    let mailed = people::mailed_token(app, &zoe).await;
    people::verify(app, &mailed).await.expect(204);
    assert!(provider.active(&id).await);
    let found = provider.find(&format!("userName eq \"{zoe}\"")).await;
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(id)));

    // Nor is it a member whom staff could suspend.
    let id = account_of(app, &yan).await;
    order(&provider, &id, "suspend").await.expect_problem(409, "not_active");
    expect_error(provider.patch(&id, active(false)).await, 404, None, "not_found");
}

#[actix_web::test]
async fn a_member_is_suspended_though_another_one_is_called_by_their_address() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let anna = people::signed_in(app, &address(app, "anna")).await;
    let bob = people::signed_in(app, &address(app, "bob")).await;
    let rename = json!([{ "op": "replace", "path": "userName", "value": "x@elsewhere.example" }]);
    provider.patch(user_id(&bob), rename).await.expect(200);
    let move_to = format!(
        "UPDATE users SET email = 'x@elsewhere.example', email_canonical = 'x@elsewhere.example' WHERE id = '{}'",
        user_id(&anna)
    );
    app.superuser().await.run(&move_to).await;
    assert_eq!(provider.patch(user_id(&anna), active(false)).await.expect(200).body["active"], false);
    let said = "SELECT user_name FROM scim_users ORDER BY user_name";
    assert_eq!(
        app.sql(said).await,
        [json!({ "user_name": "x@elsewhere.example" }), json!({ "user_name": null })],
        "what the provider did not say is not kept"
    );
}
