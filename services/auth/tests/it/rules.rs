//! What every service keeps, and what the seed has to agree with.

use std::collections::BTreeSet;

use auth::Auth;
use auth::db::users;
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};
use shinkofa_db::{Scope, transaction};
use shinkofa_identity::Permission;
use shinkofa_kernel::{RealmId, Role, TenantId, UserId};
use shinkofa_testing::{
    TestApp, assert_document_reads_like_a_product, assert_every_route_asks_who, assert_routes_page,
    assert_schema_file, assert_tenant_tables_are_protected,
};

use crate::factors::everybody_enrols;
use crate::people::{self, address};
use crate::staff::{staff, token, user_id};
use crate::trail;

const ROUTES: &str = include_str!("../../src/routes.rs");

#[actix_web::test]
async fn the_routes_page_the_document_and_the_extractors_agree() {
    assert_routes_page::<Auth>(ROUTES);
    assert_document_reads_like_a_product::<Auth>();
    assert_every_route_asks_who(&TestApp::<Auth>::start().await, ROUTES).await;
}

/// V19: what a body may say is in the document, and nothing else passes.
#[actix_web::test]
async fn v19_no_body_takes_a_member_that_its_document_does_not_name() {
    let app = TestApp::<Auth>::start().await;
    let document = app.get("/api/docs/auth.json").send().await.expect(200).body;
    let operations = document["paths"].as_object().unwrap().values();
    let bodies: Vec<_> = operations
        .flat_map(|item| item.as_object().unwrap().values())
        .filter_map(|operation| operation["requestBody"]["content"]["application/json"]["schema"].as_object())
        .collect();
    assert!(bodies.len() >= 20, "{} bodies", bodies.len());
    for body in bodies {
        let name = body["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let schema = &document["components"]["schemas"][name];
        assert_eq!(schema["additionalProperties"], false, "{name}: {schema:#}");
    }
}

#[actix_web::test]
async fn the_schema_file_is_what_the_migrations_make() {
    assert_schema_file(&TestApp::<Auth>::start().await, include_str!("../../src/db/schema.rs")).await;
}

#[actix_web::test]
async fn every_table_of_a_tenant_or_realm_is_protected() {
    assert_tenant_tables_are_protected(&TestApp::<Auth>::start().await).await;
}

/// The last barrier: a query that forgot whose factors it asks for gets those of the person that its transaction is about.
#[actix_web::test]
async fn a_transaction_that_names_a_person_sees_what_that_person_proves_with_and_nothing_else() {
    let app = TestApp::<Auth>::start().await;
    for name in ["anna", "bob"] {
        people::confirmed(&app, &address(&app, name)).await;
    }
    everybody_enrols(&app).await;
    let realm = Scope::realm(app.service().realm);
    let owners = async |scope: Scope| {
        transaction(app.pool(), &scope, "look", async |tx| {
            let owners =
                auth::db::schema::user_factors::table.select(auth::db::schema::user_factors::user_id);
            Ok::<_, shinkofa_db::Error>(owners.load::<UserId>(tx).await?)
        })
        .await
        .unwrap()
    };
    let everybody = owners(realm).await;
    assert_eq!(everybody.len(), 2, "before it is known who comes");
    for person in &everybody {
        assert_eq!(owners(realm.with_user(*person)).await, [*person]);
    }
    let theirs = transaction(app.pool(), &realm.with_user(everybody[0]), "take over", async |tx| {
        let of = auth::db::schema::user_factors::user_id;
        let moved = diesel::update(auth::db::schema::user_factors::table).set(of.eq(everybody[1]));
        moved.execute(tx).await.map_err(shinkofa_db::Error::from)
    })
    .await;
    assert!(theirs.is_err(), "nor is one given to somebody else");
}

#[actix_web::test]
async fn an_account_is_seen_in_its_realm_alone_and_a_membership_in_its_tenant_alone() {
    let app = TestApp::<Auth>::start().await;
    people::confirmed(&app, &address(&app, "anna")).await;
    let anna = address(&app, "anna");
    let seen = async |scope: Scope| {
        let found = transaction(app.pool(), &scope, "look", async |tx| {
            let account = users::lock_by_email(tx, RealmId::DEFAULT, &anna).await?;
            let user = account.as_ref().map(|account| account.id);
            let membership = match user {
                Some(user) => auth::db::memberships::find(tx, TenantId::DEFAULT, user).await?,
                None => None,
            };
            Ok::<_, shinkofa_db::Error>((account.is_some(), membership.is_some()))
        });
        found.await.unwrap()
    };
    let other_realm = RealmId::from_uuid(TenantId::DEFAULT.as_uuid());
    let other_tenant = TenantId::from_uuid(RealmId::DEFAULT.as_uuid());
    assert_eq!(seen(Scope::infrastructure()).await, (false, false));
    assert_eq!(seen(Scope::realm(other_realm).with_tenant(TenantId::DEFAULT)).await, (false, false));
    assert_eq!(seen(Scope::realm(RealmId::DEFAULT)).await, (true, false));
    assert_eq!(seen(Scope::realm(RealmId::DEFAULT).with_tenant(other_tenant)).await, (true, false));
    assert_eq!(seen(Scope::realm(RealmId::DEFAULT).with_tenant(TenantId::DEFAULT)).await, (true, true));
}

#[actix_web::test]
async fn the_seeded_roles_and_permissions_are_those_of_the_code() {
    let app = TestApp::<Auth>::start().await;
    let names = async |query: &str| -> BTreeSet<String> {
        app.sql(query).await.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    let roles: BTreeSet<_> = Role::ALL.iter().map(|role| role.as_str().to_owned()).collect();
    assert_eq!(names("SELECT name FROM roles WHERE system").await, roles);
    let permissions: BTreeSet<_> =
        Permission::ALL.iter().map(|permission| permission.as_str().to_owned()).collect();
    assert_eq!(names("SELECT name FROM permissions").await, permissions);
    let held: BTreeSet<_> = Permission::ALL
        .iter()
        .flat_map(|permission| {
            permission.holders().iter().map(move |role| format!("{role} {}", permission.as_str()))
        })
        .collect();
    assert_eq!(names("SELECT role || ' ' || permission AS name FROM role_permissions").await, held);
}

#[actix_web::test]
async fn the_runtime_role_cannot_alter_or_remove_an_audit_entry() {
    let app = TestApp::<Auth>::start().await;
    let rights = app
        .sql("SELECT has_table_privilege('auth_rt', 'audit_events', 'UPDATE') AS alter, has_table_privilege('auth_rt', 'audit_events', 'DELETE') AS remove")
        .await;
    assert_eq!(rights[0], json!({ "alter": false, "remove": false }));
}

/// Whatever fails after it, in the transaction of the change: neither is there without the other.
#[actix_web::test]
async fn a_change_and_its_entry_are_committed_together_or_not_at_all() {
    let app = TestApp::<Auth>::start().await;
    let admin = staff(&app, "ada", "admin").await;
    let anna = people::signed_in(&app, &address(&app, "anna")).await;
    let path = format!("/api/admin/users/{}/lock", user_id(&anna));
    let lock =
        async || app.post(&path).token(token(&admin)).json(&json!({ "reason": "chargebacks" })).send().await;
    for (table, check) in
        [("events", "type <> 'membership.changed'"), ("audit_events", "action <> 'membership.locked'")]
    {
        let refuse = format!("ALTER TABLE {table} ADD CONSTRAINT broken CHECK ({check}) NOT VALID");
        app.superuser().await.run(&refuse).await;
        lock().await.expect(500);
        for action in ["session.ended", "membership.locked"] {
            assert_eq!(trail::told(&app, action).await, [] as [Value; 0], "{action}, and {table} is broken");
        }
        people::profile(&app, token(&anna)).await.expect(200);
        app.superuser().await.run(&format!("ALTER TABLE {table} DROP CONSTRAINT broken")).await;
    }
    lock().await.expect(204);
    let (by, id) = (trail::by_user(user_id(&admin)), user_id(&anna));
    assert_eq!(trail::told(&app, "membership.locked").await, [trail::entry(by, "user", id)]);
    people::profile(&app, token(&anna)).await.expect(401);
}

#[actix_web::test]
async fn every_change_is_in_the_audit_trail_without_personal_data() {
    let app = TestApp::<Auth>::start().await;
    let body = people::signed_in(&app, &address(&app, "anna")).await;
    people::refresh(&app, people::text(&body, "refreshToken")).await.expect(200);
    app.post("/api/auth/logout").token(people::text(&body, "accessToken")).send().await.expect(204);
    let trail = app
        .sql("SELECT action, actor, details, subject_id FROM audit_events ORDER BY transaction, number")
        .await;
    let actions: Vec<_> = trail.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "account.created",
            "account.verification_requested",
            "account.email_verified",
            "membership.begun",
            "session.opened",
            "session.rotated",
            "session.ended"
        ]
    );
    let text = serde_json::to_string(&trail).unwrap();
    assert!(!text.contains("anna") && !text.contains("Anna") && !text.contains("127.0.0"));
}
