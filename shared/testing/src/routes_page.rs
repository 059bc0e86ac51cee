//! Holds a service's `routes.rs` to what it says about itself.

use std::collections::BTreeMap;

use reqwest::Method;
use shinkofa_runtime::{Service, openapi};
use utoipa::openapi::{OpenApi, PathItem};

use crate::TestApp;

/// One line of the page: `config.service(...); // METHOD /path  who`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: String,
    pub path: String,
    pub who: String,
}

impl Route {
    /// Who may, without the conditions that follow.
    pub fn base(&self) -> &str {
        self.who.split(',').next().unwrap_or_default().trim()
    }

    /// Does this condition stand behind a comma?
    pub fn says(&self, condition: &str) -> bool {
        self.who.split(',').skip(1).any(|said| said.trim() == condition)
    }
}

/// What a page says of its routes. That it tells the truth is what [`assert_routes_page`] is for.
pub fn routes_of(page: &str) -> Vec<Route> {
    page.lines()
        .filter(|line| line.contains(".service("))
        .map(|line| {
            let comment =
                line.split("//").nth(1).unwrap_or_else(|| panic!("a route without its comment: {line}"));
            let mut words = comment.split_whitespace();
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            Route {
                method: method.to_owned(),
                path: path.to_owned(),
                who: words.collect::<Vec<_>>().join(" "),
            }
        })
        .collect()
}

fn operations(document: &OpenApi) -> BTreeMap<(String, String), bool> {
    let named = |item: &PathItem| {
        let methods = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("DELETE", &item.delete),
            ("PATCH", &item.patch),
        ];
        methods
            .into_iter()
            .filter_map(|(name, operation)| Some((name.to_owned(), operation.as_ref()?.security.is_some())))
            .collect::<Vec<_>>()
    };
    let paths = document.paths.paths.iter();
    paths
        .flat_map(|(path, item)| {
            named(item).into_iter().map(|(method, secured)| ((method, path.clone()), secured))
        })
        .collect()
}

/// Every public route stands on the page with its method and path, and the page tells nothing else; a route that is not
/// for anyone declares its security in the document.
pub fn assert_routes_page<S: Service>(page: &str) {
    let operations = operations(&openapi::<S>());
    let public: Vec<_> =
        routes_of(page).into_iter().filter(|line| !line.path.starts_with("/internal/")).collect();
    for line in &public {
        let secured = operations.get(&(line.method.clone(), line.path.clone()));
        let secured = secured.unwrap_or_else(|| panic!("the document has no {} {}", line.method, line.path));
        assert_eq!(
            *secured,
            line.who != "anyone",
            "{} {} and its security in the document",
            line.method,
            line.path
        );
    }
    assert_eq!(public.len(), operations.len(), "routes.rs and the document count differently");
}

/// Calls every route without saying who asks: only those for `anyone` may answer anything but 401.
pub async fn assert_every_route_asks_who<S: Service>(app: &TestApp<S>, page: &str) {
    for line in routes_of(page).into_iter().filter(|line| line.who != "anyone") {
        let method: Method = line.method.parse().expect("a method");
        let path = with_example_ids(&line.path);
        let call = if line.path.starts_with("/internal/") {
            app.internal_anonymous(method, &path)
        } else {
            app.call(method, &path)
        };
        let answer = call.header("idempotency-key", "k").json(&serde_json::json!({})).send().await;
        assert_eq!(answer.status, 401, "{} {} without a token: {:#}", line.method, line.path, answer.body);
    }
}

/// Calls every public route with the token of a service account: what is a person's refuses it as `people_only`, and what asks for
/// a permission that its scope does not name as `permission_denied`. `may` are the permissions, as the page writes them, that the scope
/// does name. Returns how many routes refused it.
pub async fn assert_service_accounts_are_kept_out<S: Service>(
    app: &TestApp<S>,
    page: &str,
    (token, may): (&str, &[&str]),
) -> usize {
    let mut refused = 0;
    for line in routes_of(page) {
        let is_open = line.who == "anyone" || may.contains(&line.base());
        if is_open || line.path.starts_with("/internal/") {
            continue;
        }
        let method: Method = line.method.parse().expect("a method");
        let call = app.call(method, &with_example_ids(&line.path)).token(token);
        let answer = call.header("idempotency-key", "k").json(&serde_json::json!({})).send().await;
        let is_persons = line.who.starts_with("signed in");
        let expected = if is_persons { "people_only" } else { "permission_denied" };
        let route = format!("{} {}", line.method, line.path);
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (403, &expected.into()),
            "{route}: {:#}",
            answer.body
        );
        refused += 1;
    }
    refused
}

fn with_example_ids(path: &str) -> String {
    let example = |part: &str| {
        if part.starts_with('{') { "01920000-0000-7000-8000-00000000ffff" } else { part }.to_owned()
    };
    path.split('/').map(example).collect::<Vec<_>>().join("/")
}
