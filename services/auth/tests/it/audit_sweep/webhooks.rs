//! What is done to webhooks.

use reqwest::Method;
use serde_json::json;

use super::{Area, Sweep};
use crate::receivers::{PATH, Scene, create};

pub(super) const AREA: Area = Area {
    changes: &[
        ("POST /api/tenants/webhooks", &["webhook.created"]),
        ("PATCH /api/tenants/webhooks/{id}", &["webhook.changed"]),
        ("POST /api/tenants/webhooks/{id}/secret", &["webhook.secret_rotated"]),
        ("POST /api/tenants/webhooks/{id}/test", &["webhook.tested"]),
        ("POST /api/tenants/webhooks/{id}/disable", &["webhook.disabled"]),
        ("POST /api/tenants/webhooks/{id}/enable", &["webhook.enabled"]),
        ("DELETE /api/tenants/webhooks/{id}", &["webhook.deleted"]),
    ],
    later: &[],
    unchanged: &[],
    refused: &[],
};

#[actix_web::test]
async fn what_is_done_to_webhooks_is_told_in_the_name_of_who_did_it() {
    let scene = Scene::new(&["session.ended"]).await;
    let Scene { app, admin, id, .. } = &scene;
    let sweep = Sweep::begin(app).await;
    let other = format!("{}/other", scene.receiver.uri());
    create(app, admin, &other, &["session.ended"]).await.expect(201);
    let path = format!("{PATH}/{id}");
    let change = json!({ "description": "Another office" });
    app.call(Method::PATCH, &path).token(admin).json(&change).send().await.expect(200);
    for (what, status) in [("secret", 200), ("test", 202), ("disable", 204), ("enable", 204)] {
        scene.order(what).await.expect(status);
    }
    app.call(Method::DELETE, &path).token(admin).send().await.expect(204);
    sweep.assert_told(&AREA).await;
}
