//! The OpenAPI document of a service, made from its own routes, and the answers for what it does not describe.

use actix_web::dev::ResourceDef;
use actix_web::http::{Method, StatusCode};
use actix_web::{App, HttpRequest, HttpResponse, web};
use shinkofa_web::Problem;
use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, OpenApi, PathItem};
use utoipa_actix_web::AppExt as _;

use crate::Service;

mod answers;
mod links;

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(shinkofa_web::ProblemDocument)))]
struct Base;

/// The document of the public listener.
pub fn openapi<S: Service>() -> OpenApi {
    let (_, mut document) =
        App::new().into_utoipa_app().openapi(base::<S>()).configure(S::routes).split_for_parts();
    finish(&mut document);
    document
}

/// The document of the internal listener, for the services' own tests.
pub fn openapi_internal<S: Service>() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(base::<S>())
        .configure(S::internal_routes)
        .configure(crate::server::shared_internal_routes)
        .split_for_parts();
    finish(&mut document);
    document
}

/// Says what can be told from the operations themselves.
fn finish(document: &mut OpenApi) {
    declare_bearer(document);
    answers::complete(document);
    links::add(document);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn base<S: Service>() -> OpenApi {
    let mut document = Base::openapi();
    document.info = Info::new(format!("Shinkofa {}", S::NAME), env!("CARGO_PKG_VERSION").to_owned());
    document
}

fn declare_bearer(document: &mut OpenApi) {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
}

/// Which methods each described path knows, to tell 405 from 404.
#[derive(Clone)]
pub(crate) struct KnownPaths(std::sync::Arc<[(ResourceDef, Vec<Method>)]>);

impl KnownPaths {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    fn allowed(&self, path: &str) -> Option<String> {
        let methods: Vec<_> = self
            .0
            .iter()
            .filter(|(definition, _)| definition.is_match(path))
            .flat_map(|(_, methods)| methods)
            .collect();
        (!methods.is_empty())
            .then(|| methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(", "))
    }
}

fn methods(item: &PathItem) -> Vec<Method> {
    [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.is_some().then_some(method))
    .collect()
}

/// Answers whatever no route took.
pub(crate) async fn unmatched(request: HttpRequest) -> HttpResponse {
    let known = request.app_data::<web::Data<KnownPaths>>();
    match known.and_then(|known| known.allowed(request.path())) {
        Some(allowed) => Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("This address answers {allowed}."),
            format!("Cette adresse répond à {allowed}."),
        )
        .with_header("allow", allowed)
        .response(),
        None => Problem::not_found().response(),
    }
}

/// The document as it is served.
#[derive(Clone)]
pub(crate) struct Document(pub(crate) web::Bytes);

pub(crate) async fn document(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.0.clone())
}
