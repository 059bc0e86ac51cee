//! What an identity provider said of people (SCIM 2.0) goes when it has to, and the jobs that see to it do not stumble over it.

use auth::Auth;
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use shinkofa_testing::TestApp;

use crate::identity_provider::{Provider, USERS, expect_error, join, outsider};
use crate::people::{self, PASSWORD, address, text};
use crate::staff::{token, user_id};
use crate::studios::studio;

fn active(is: bool) -> Value {
    json!([{ "op": "replace", "path": "active", "value": is }])
}

/// Longer than an invitation of a provider's is open and its address kept, and not as long as a key is good.
async fn two_months_later(app: &TestApp<Auth>) {
    app.advance(TimeDelta::days(61));
    app.run_jobs().await;
}

/// The grace of a deletion is over.
async fn a_fortnight_later(app: &TestApp<Auth>) {
    app.advance(TimeDelta::days(14) + TimeDelta::seconds(1));
    app.run_jobs().await;
}

async fn rows(app: &TestApp<Auth>) -> Vec<Value> {
    app.sql("SELECT id, user_id, invitation_id FROM scim_users ORDER BY created_at, id").await
}

/// Neither the purge nor the erasure was refused anything by the database.
async fn assert_jobs_are_content(app: &TestApp<Auth>) {
    let failed = "SELECT name, attempts, last_error FROM jobs WHERE name IN ('purge_expired', 'erase_people')
        AND (last_error IS NOT NULL OR dead_at IS NOT NULL)";
    assert_eq!(app.sql(failed).await, Vec::<Value>::new());
}

/// The tables with a row that says one of these words.
async fn mentions(app: &TestApp<Auth>, words: &[&str]) -> Vec<String> {
    let tables = "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind = 'r'";
    let mut found = Vec::new();
    for table in app.sql(tables).await {
        let table = text(&table, "name");
        let said = Value::from(app.sql(&format!("SELECT * FROM {table}")).await).to_string();
        if words.iter().any(|word| said.contains(word)) {
            found.push(table.to_owned());
        }
    }
    found
}

/// All that a provider can have made of an invitation, purged at once: a row whose invitation is gone and that is nobody's would
/// be refused by the table, and with it the whole tenant's purge.
#[actix_web::test]
async fn invitations_that_lapsed_go_with_whoever_never_accepted_and_not_with_whoever_did() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let (mia, yan) = (outsider(app, "mia").await, outsider(app, "yan").await);
    let joined =
        provider.bring(json!({ "userName": mia, "externalId": "00u1" })).await.expect(201).text("id");
    join(app, &mia).await.expect(200);
    // One who never answered, one who is not to be active, one whose address was another first, one who was let off again.
    provider.bring(json!({ "userName": address(app, "zoe") })).await.expect(201);
    provider.bring(json!({ "userName": address(app, "kim"), "active": false })).await.expect(201);
    let moved = provider.bring(json!({ "userName": address(app, "leo") })).await.expect(201).text("id");
    let another = json!({ "userName": yan, "active": true });
    provider.call(Method::PUT, &format!("{USERS}/{moved}")).json(&another).send().await.expect(200);
    let off = provider.bring(json!({ "userName": address(app, "eva") })).await.expect(201).text("id");
    provider.patch(&off, active(false)).await.expect(200);
    assert_eq!(rows(app).await.len(), 5);

    two_months_later(app).await;
    assert_jobs_are_content(app).await;
    assert!(app.sql("SELECT id FROM invitations").await.is_empty());
    let left = rows(app).await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!((&left[0]["id"], &left[0]["invitation_id"]), (&json!(joined), &Value::Null));
    let gone = ["zoe", "kim", "leo", "eva"].map(|who| address(app, who));
    assert_eq!(mentions(app, &gone.each_ref().map(String::as_str)).await, Vec::<String>::new());

    // Whoever joined is the same person to the provider as before, until it takes them out.
    let found = provider.find("externalId eq \"00u1\"").await;
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(joined)));
    assert_eq!(provider.patch(&joined, active(false)).await.expect(200).body["active"], false);
    provider.delete(&joined).await.expect(204);
    assert!(rows(app).await.is_empty());
    expect_error(provider.get(&format!("{USERS}/{moved}")).await, 404, None, "not_found");
}

/// Whoever became a member by another way than the letter is recognised later than their invitation lapses, and loses nothing.
#[actix_web::test]
async fn a_member_whose_unused_invitation_is_purged_stays_a_member() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let email = outsider(app, "mia").await;
    let brought = provider.bring(json!({ "userName": email })).await.expect(201).text("id");
    let enter = format!(
        "INSERT INTO memberships (tenant_id, user_id, realm_id, status, tier, created_at, updated_at)
         SELECT '01920000-0000-7000-8000-000000000001', id, realm_id, 'active', 'free', created_at, created_at
         FROM users WHERE email = '{email}'"
    );
    app.superuser().await.run(&enter).await;
    two_months_later(app).await;
    assert_jobs_are_content(app).await;
    assert!(rows(app).await.is_empty(), "nobody has asked for them since");
    expect_error(provider.get(&format!("{USERS}/{brought}")).await, 404, None, "not_found");
    let account = provider.id_of(&email).await;
    assert_ne!(account, brought, "a member whom nobody brought has the id of their account");
    assert!(provider.active(&account).await);
}

/// By their account where they joined, by their address where they were only asked to.
#[actix_web::test]
async fn whoever_is_erased_leaves_no_row_of_a_provider_in_any_studio() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let elan = studio(app, "anna", "elan").await;
    let email = outsider(app, "zoe").await;
    let said = json!({ "userName": email, "externalId": "00u7", "displayName": "Zoé of accounts" });
    let here = provider.bring(said.clone()).await.expect(201).text("id");
    join(app, &email).await.expect(200);
    elan.post(app, USERS, &elan.admin, said).await.expect(201);
    let known = rows(app).await;
    let members = known.iter().filter(|row| !row["user_id"].is_null()).count();
    assert_eq!((known.len(), members), (2, 1), "a member here and invited there");

    let zoe = people::sign_in(app, &email, PASSWORD).await.expect(200).body;
    let call = app.post("/api/me/delete").token(token(&zoe)).json(&json!({ "password": PASSWORD }));
    call.send().await.expect(202);
    a_fortnight_later(app).await;
    assert_jobs_are_content(app).await;
    let account = format!("SELECT status FROM users WHERE id = '{}'", user_id(&zoe));
    assert_eq!(app.sql(&account).await, [json!({ "status": "erased" })]);
    assert!(rows(app).await.is_empty());
    assert_eq!(mentions(app, &[email.as_str(), "00u7", "Zoé of accounts"]).await, Vec::<String>::new());
    expect_error(provider.get(&format!("{USERS}/{here}")).await, 404, None, "not_found");
    assert_eq!(provider.find(&format!("userName eq \"{email}\"")).await["totalResults"], 0);
    // Whoever has the address now is somebody new, to be asked as anybody is.
    assert_ne!(provider.bring(json!({ "userName": email })).await.expect(201).text("id"), here);
}

#[actix_web::test]
async fn a_member_whom_the_provider_suspended_is_forgotten_as_anybody_is() {
    let provider = Provider::start().await;
    let app = &provider.app;
    let elan = studio(app, "anna", "elan").await;
    let lea = elan.member(app, "lea", &["member"]).await;
    let id = provider.id_of(&address(app, "lea")).await;
    provider.patch(&id, active(false)).await.expect(200);
    assert_eq!(rows(app).await.len(), 1);
    // Suspended in one studio, she asks for it in the other.
    elan.post(app, "/api/me/delete", &lea, json!({ "password": PASSWORD })).await.expect(202);
    a_fortnight_later(app).await;
    assert_jobs_are_content(app).await;
    assert!(rows(app).await.is_empty());
    let left = format!("SELECT user_id FROM memberships WHERE user_id = '{}'", user_id(&lea));
    assert!(app.sql(&left).await.is_empty());
    expect_error(provider.get(&format!("{USERS}/{id}")).await, 404, None, "not_found");
    expect_error(provider.patch(&id, active(true)).await, 404, None, "not_found");
}
