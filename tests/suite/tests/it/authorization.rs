//! The authorization matrix: every operation of every OpenAPI document, asked by everybody that there is.
//!
//! Who may is written beside each route, on the one page of its service (`services/*/src/routes.rs`), which the service's own
//! tests hold to its document. Nothing is listed here: an operation that a document has and no page, or a page whose words mean
//! nothing to [`expectation::Who`], fails the test.

mod cast;
mod done;
mod everything;
mod expectation;
mod shadow;
mod strangers;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use shinkofa_testing::routes_of;
use suite::{Stack, invariants};

use crate::api_documents::{Operation, operations};
use cast::{Cast, Role};
use expectation::{Expected, Who};

/// Who may call each operation of each service, as its page says.
fn pages(stack: &Stack) -> BTreeMap<String, BTreeMap<String, Who>> {
    let services = std::fs::read_dir(stack.checkout.join("services")).expect("the services' folders");
    let mut pages = BTreeMap::new();
    for service in services.flatten() {
        let page = service.path().join("src/routes.rs");
        let Ok(page) = std::fs::read_to_string(&page) else { continue };
        let routes = routes_of(&page).into_iter().filter(|route| !route.path.starts_with("/internal/"));
        let who = routes.map(|route| (format!("{} {}", route.method, route.path), Who::read(&route.who)));
        pages.insert(service.file_name().to_string_lossy().into_owned(), who.collect());
    }
    pages
}

/// Every operation with who may call it. Fails the test when a document and a page do not tell of the same ones.
async fn matrix(stack: &Stack) -> Vec<(Operation, Who)> {
    let mut matrix = Vec::new();
    for (service, mut page) in pages(stack) {
        for operation in operations(stack, &service).await {
            let name = operation.name();
            let who = page.remove(&name);
            matrix.push((operation, who.unwrap_or_else(|| panic!("no page says who may call {name}"))));
        }
        let left: BTreeSet<_> = page.keys().collect();
        assert!(
            left.is_empty(),
            "{service}'s page tells of routes that its document does not have: {left:?}"
        );
    }
    // What changes nothing first, so that few of the cast have to be replaced.
    matrix.sort_by_key(|(operation, _)| (operation.method != Method::GET, operation.name()));
    matrix
}

#[tokio::test]
async fn every_operation_lets_in_whom_its_page_names_and_nobody_else() {
    let stack = Stack::attach().await;
    let matrix = matrix(&stack).await;
    let mut cast = Cast::gather(&stack).await;
    let (mut asked, mut wrong) = (0, Vec::new());
    for role in Role::ALL {
        for (operation, who) in &matrix {
            let token = cast.token(role).await;
            let mut call = operation.call(&stack).idempotency_key(&stack.fresh("matrix"));
            if let Some(token) = &token {
                call = call.bearer(token);
            }
            let answer = call.send().await;
            asked += 1;
            let expected = Expected::of(role, *who, &operation.method);
            if let Err(instead) = expected.compare(&answer) {
                wrong.push(format!(
                    "{} as {role:?}: {expected:?} was expected, not {instead}",
                    operation.name()
                ));
            }
            // It may have ended its own session, or changed what it signs in with.
            if (200..300).contains(&answer.status) && operation.method != Method::GET {
                cast.leaves(role);
            }
        }
    }
    eprintln!("{asked} cells: {} operations, {} roles", matrix.len(), Role::ALL.len());
    assert_eq!(asked, matrix.len() * Role::ALL.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    invariants::check(&stack).await;
}
