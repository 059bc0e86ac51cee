//! What is on sale.

use serde_json::json;
use shinkofa_kernel::Role;

use crate::harness::Studio;

fn offer() -> serde_json::Value {
    json!({ "name": "Ten classes", "credits": 10, "priceMinor": 8000, "currency": "EUR", "validityDays": 90 })
}

#[actix_web::test]
async fn a_package_put_on_sale_is_listed_for_everybody_with_its_terms() {
    let studio = Studio::open().await;
    let id = studio.package_of(offer()).await;
    let page = studio.app.get("/api/credits/packages").send().await.expect(200).body;
    let mut expected = offer();
    expected["id"] = json!(id);
    assert_eq!(page, json!({ "items": [expected], "nextCursor": null }));
    studio.close().await;
}

/// What auth does not confirm at this moment is not done: neither what staff change nor what costs money.
#[actix_web::test]
async fn nothing_is_put_on_sale_or_bought_while_auth_cannot_be_asked() {
    let studio = Studio::open().await;
    let package = studio.package_of(offer()).await;
    studio.auth.reset().await;
    let (app, manager, buyer) = (&studio.app, studio.app.user(Role::Manager), studio.app.user(Role::Member));
    let sale = app.post("/api/credits/packages").bearer(&manager).json(&offer()).send().await;
    sale.expect_problem(503, "trust_unavailable");
    let purchase = app.post("/api/payment/checkout").bearer(&buyer).idempotency_key("once");
    let purchase = purchase.json(&json!({ "packageId": package })).send().await;
    purchase.expect_problem(503, "trust_unavailable");
    assert_eq!(app.sql("SELECT id FROM packages").await.len(), 1);
    assert_eq!(app.sql("SELECT id FROM payments").await.len(), 0);
    app.get("/api/credits/wallet").bearer(&buyer).send().await.expect(200);
    studio.close().await;
}

#[actix_web::test]
async fn only_who_manages_packages_may_put_one_on_sale() {
    let studio = Studio::open().await;
    for role in [Role::Member, Role::Coach, Role::Moderator] {
        let user = studio.app.user(role);
        let answer = studio.app.post("/api/credits/packages").bearer(&user).json(&offer()).send().await;
        answer.expect_problem(403, "permission_denied");
    }
    studio
        .app
        .post("/api/credits/packages")
        .json(&offer())
        .send()
        .await
        .expect_problem(401, "unauthenticated");
    studio.close().await;
}

#[actix_web::test]
async fn a_repeated_request_with_one_key_puts_one_package_on_sale() {
    let studio = Studio::open().await;
    let manager = studio.app.user(Role::Manager);
    let post =
        || studio.app.post("/api/credits/packages").bearer(&manager).idempotency_key("k").json(&offer());
    let first = post().send().await.expect(201);
    let second = post().send().await.expect(201);
    assert_eq!(first.body, second.body);
    assert_eq!(studio.app.sql("SELECT id FROM packages").await.len(), 1);
    studio.close().await;
}

#[actix_web::test]
async fn terms_that_cannot_be_sold_are_refused_with_a_pointer() {
    let studio = Studio::open().await;
    let manager = studio.app.user(Role::Admin);
    let cases = [
        ("/name", json!("  ")),
        ("/name", json!("two\nlines")),
        ("/credits", json!(0)),
        ("/credits", json!(10_001)),
        ("/priceMinor", json!(0)),
        ("/priceMinor", json!(100_000_000)),
        ("/currency", json!("eur")),
        ("/validityDays", json!(0)),
    ];
    for (pointer, value) in cases {
        let mut package = offer();
        package[&pointer[1..]] = value.clone();
        let answer = studio.app.post("/api/credits/packages").bearer(&manager).json(&package).send().await;
        let answer = answer.expect_problem(422, "invalid_fields");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{value}");
    }
    let mut dinars = offer();
    dinars["currency"] = json!("KWD");
    dinars["priceMinor"] = json!(1_234);
    let answer = studio.app.post("/api/credits/packages").bearer(&manager).json(&dinars).send().await;
    assert_eq!(answer.expect(422).body["errors"][0]["pointer"], "/priceMinor");
    studio.close().await;
}

#[actix_web::test]
async fn the_list_goes_on_page_by_page_without_gap_or_repetition() {
    let studio = Studio::open().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let mut package = offer();
        package["name"] = json!(format!("Package {number}"));
        made.push(studio.package_of(package).await);
        studio.app.advance(chrono::TimeDelta::seconds(1));
    }
    let (mut seen, mut path) = (Vec::new(), "/api/credits/packages?limit=2".to_owned());
    loop {
        let page = studio.app.get(&path).send().await.expect(200).body;
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/api/credits/packages?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, made);
    for bad in ["limit=0", "limit=201", "cursor=xyz", "page=2"] {
        studio.app.get(&format!("/api/credits/packages?{bad}")).send().await.expect(422);
    }
    studio.close().await;
}
