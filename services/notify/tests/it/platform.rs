//! What every service promises: protected tables, a truthful schema file and routes page, a checked configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use notify::Notify;
use shinkofa_kernel::Clock;
use shinkofa_runtime::{Environment, Platform, Service};
use shinkofa_testing::{
    TestApp, assert_columns_are_annotated, assert_document_reads_like_a_product, assert_every_route_asks_who,
    assert_routes_page, assert_schema_file, assert_service_accounts_are_kept_out,
    assert_tenant_tables_are_protected,
};

const ROUTES: &str = include_str!("../../src/routes.rs");

#[actix_web::test]
async fn the_schema_file_and_the_routes_page_tell_the_truth_and_tables_are_protected() {
    let app = TestApp::<Notify>::start().await;
    assert_schema_file(&app, include_str!("../../src/db/schema.rs")).await;
    assert_routes_page::<Notify>(ROUTES);
    assert_document_reads_like_a_product::<Notify>();
    assert_every_route_asks_who(&app, ROUTES).await;
    let machine = app.service_account(&[]);
    assert_eq!(assert_service_accounts_are_kept_out(&app, ROUTES, (&machine.token, &[])).await, 3);
    assert_tenant_tables_are_protected(&app).await;
    app.stop().await;
}

#[actix_web::test]
async fn every_column_says_whether_it_is_about_people() {
    let app = TestApp::<Notify>::start().await;
    assert_columns_are_annotated(&app).await;
    app.stop().await;
}

/// What the configuration is told to be wrong about, with `variables` on top of a good one.
async fn faults(variables: &[(&str, &str)]) -> Option<String> {
    let key = |start: u8, length: u8| {
        let bytes: Vec<u8> = (0..length).map(|n| n.wrapping_mul(37).wrapping_add(start)).collect();
        format!("k:{}", STANDARD.encode(bytes))
    };
    let good = [
        ("SHINKOFA_BASE_DOMAIN", "shinkofa.localhost".to_owned()),
        ("SHINKOFA_PUBLIC_URL", "https://app.shinkofa.localhost".to_owned()),
        ("DATABASE_URL", "postgres://notify_rt@localhost/none".to_owned()),
        ("REDIS_URL", "redis://127.0.0.1:1/0".to_owned()),
        ("JWT_SECRET", key(1, 48)),
        ("JWT_SERVICE_SECRET", key(2, 48)),
        ("SHINKOFA_DELIVERY_KEY", key(3, 32)),
    ];
    let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all = good.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(own);
    let mut environment = Environment::from_variables(all.collect::<std::collections::HashMap<_, _>>());
    let platform = Platform::build("notify", &mut environment, Clock::system()).unwrap();
    Notify::start(platform, &mut environment).await.err().map(|error| error.to_string())
}

#[actix_web::test]
async fn only_a_development_installation_may_do_without_a_mail_server() {
    assert_eq!(faults(&[]).await, None);
    let production = ("SHINKOFA_BASE_DOMAIN", "shinkofa.example.org");
    let told = faults(&[production, ("SHINKOFA_DELIVERY_KEY", "")]).await.unwrap();
    assert!(told.contains("SMTP_URL is not set") && told.contains("SHINKOFA_DELIVERY_KEY"), "{told}");
    assert_eq!(faults(&[production, ("SMTP_URL", "smtps://u:p@mail.example.org")]).await, None);
}

#[actix_web::test]
async fn mail_settings_that_cannot_be_right_are_refused_without_repeating_a_password() {
    let clear = faults(&[("SMTP_URL", "smtp://user:hunter2@mail.example.org")]).await.unwrap();
    assert!(clear.contains("in the clear") && !clear.contains("hunter2"), "{clear}");
    let from = faults(&[("SMTP_URL", "smtp://127.0.0.1"), ("MAIL_FROM", "nobody")]).await.unwrap();
    assert!(from.contains("MAIL_FROM"), "{from}");
}
