//! `GET /api/docs`

use actix_web::{HttpResponse, get, web};

use crate::Auth;
use crate::error::Error;
use crate::page::page;

const TEMPLATE: &str = include_str!("../pages/documentation.html");
/// The services with a public interface. One that does not answer is shown as such.
const SERVICES: &str = "auth credits booking notify";

/// The API of all services, on one page
///
/// Made in the browser from the documents at `/api/docs/{service}.json`.
#[utoipa::path(
    tag = "documentation",
    responses((status = 200, body = String, content_type = "text/html; charset=utf-8")),
)]
#[get("/api/docs")]
pub async fn show_documentation(auth: web::Data<Auth>) -> Result<HttpResponse, Error> {
    page(&auth, TEMPLATE, &[("services", SERVICES)])
}
