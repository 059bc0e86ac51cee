//! `GET /`: the development mailbox as a page.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{HttpResponse, get, web};
use minijinja::{Environment, Value, context};
use shinkofa_web::{Fault, NotFoundRefusal, ParameterRefusal, Query, Unavailability};

use super::list_messages::{MailboxQuery, newest};
use crate::Notify;
use crate::db::mailbox::MailboxMessage;
use crate::error::Error;

/// The page, compiled.
#[derive(Debug)]
pub struct MailboxPage(Environment<'static>);

const NAME: &str = "mailbox.html";
const MOST_MESSAGES: i64 = 50;

/// Messages bring inline styles and nothing else; the page neither runs scripts nor loads anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

impl MailboxPage {
    pub fn load() -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.add_template(NAME, include_str!("../../templates/mailbox.html"))?;
        Ok(Self(templates))
    }

    fn render(&self, messages: &[MailboxMessage], recipient: &str) -> Result<String, minijinja::Error> {
        let shown: Vec<Value> = messages
            .iter()
            .map(|message| {
                context! {
                    to => message.recipient.as_str(),
                    subject => message.subject.as_str(),
                    text => message.text.as_str(),
                    html => message.html.as_str(),
                    created_at => message.created_at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
                }
            })
            .collect();
        self.0.get_template(NAME)?.render(context! { messages => shown, to => recipient })
    }
}

/// The development mailbox as a page
///
/// The newest 50 messages. 404 where there is no development mailbox.
#[utoipa::path(
    tag = "development",
    params(("to" = Option<String>, Query, example = "anna@example.org", description = "Only what went to this address")),
    responses(
        NotFoundRefusal, ParameterRefusal, Unavailability,
        (status = 200, body = String, content_type = "text/html"),
    ),
)]
#[get("/")]
pub async fn show_mailbox(
    state: web::Data<Notify>,
    query: Query<MailboxQuery>,
) -> Result<HttpResponse, Error> {
    let recipient = query.0.to;
    let messages = newest(&state, &recipient, MOST_MESSAGES).await?;
    let page = state.mailbox_page.render(&messages, &recipient.0).map_err(Fault::unexpected)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(page))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::DeliveryId;

    #[test]
    fn nothing_that_a_message_holds_leaves_its_frame() {
        let hostile = "\"></iframe><script>alert(1)</script>".to_owned();
        let message = MailboxMessage {
            id: DeliveryId::from_uuid(Uuid::nil()),
            recipient: hostile.clone(),
            subject: hostile.clone(),
            text: hostile.clone(),
            html: hostile.clone(),
            created_at: "2026-12-01T09:00:00Z".parse().unwrap(),
        };
        let page = MailboxPage::load().unwrap().render(&[message], &hostile).unwrap();
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("</iframe>").count(), 1, "{page}");
        assert!(page.contains("sandbox=\"allow-popups allow-popups-to-escape-sandbox\""), "{page}");
    }
}
