//! What people do by Google, GitHub and Discord.

use chrono::TimeDelta;

use super::{Area, Sweep};
use crate::magic_link::VERIFIER;
use crate::oauth::{code_of, exchange, link, returned, unlink};
use crate::people::address;
use crate::provider::{Person, Providers};

pub(super) const AREA: Area = Area {
    changes: &[
        ("POST /api/auth/oauth/exchange", &["session.opened"]),
        ("POST /api/auth/oauth/{provider}/link", &["account.identity_linked"]),
        ("DELETE /api/auth/oauth/{provider}/link", &["account.identity_unlinked"]),
    ],
    later: &[],
    unchanged: &[(
        "POST /api/auth/oauth/{provider}/start",
        "nobody is known yet: what comes back is told when it opens or links something",
    )],
    refused: &[("POST /api/auth/oauth/exchange", "sign_in_gone", "session.ended")],
};

#[actix_web::test]
async fn what_people_do_by_a_provider_is_told_in_their_name() {
    let providers = Providers::start().await;
    let app = providers.app().await;
    let sweep = Sweep::begin(&app).await;
    providers.vouch_for(Person::new(1, &address(&app, "anna")));
    let code = code_of(&returned(&app, "google").await.expect(303));
    let body = exchange(&app, &code, VERIFIER).await.expect(200).body;
    link(&app, &body, "github").await.expect(204);
    unlink(&app, &body, "github").await.expect(204);
    // Whoever shows a code a second time has a copy of it.
    app.advance(TimeDelta::seconds(4));
    exchange(&app, &code, VERIFIER).await.expect_problem(410, "sign_in_gone");
    sweep.assert_told(&AREA).await;
}
