//! The promises that hold after every test.

use booking::Booking;
use shinkofa_testing::TestApp;

/// Runs every query of the file over all tenants.
pub async fn assert_invariants(app: &TestApp<Booking>) {
    let file = include_str!("../../invariants.sql");
    let mut superuser = app.superuser().await;
    let mut checked = 0;
    for part in file.split("\n-- I").skip(1) {
        let (title, query) = part.split_once('\n').expect("a query under its title");
        let broken = superuser.rows(query.trim().trim_end_matches(';')).await;
        assert!(broken.is_empty(), "I{title}: {broken:#?}");
        checked += 1;
    }
    assert!(checked >= 8, "only {checked} invariants were found");
}
