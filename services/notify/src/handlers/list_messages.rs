//! `GET /api/messages`

use actix_web::{get, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use shinkofa_db::{Scope, transaction};
use shinkofa_web::{NotFoundRefusal, ParameterRefusal, Query, Unavailability};
use utoipa::ToSchema;

use crate::Notify;
use crate::clients::Outbox;
use crate::db::mailbox::{self, MailboxMessage};
use crate::domain::DeliveryId;
use crate::error::Error;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxQuery {
    #[serde(default)]
    pub to: Recipient,
}

/// Whose mail is asked for; empty for everybody's.
#[derive(Debug, Default)]
pub struct Recipient(pub String);

impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.chars().any(char::is_control) {
            return Err(serde::de::Error::custom("an address holds no control characters"));
        }
        Ok(Self(text.trim().to_owned()))
    }
}

/// The newest messages of the development mailbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct Messages {
    items: Vec<Message>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    id: DeliveryId,
    #[schema(example = "anna@example.org")]
    to: String,
    #[schema(example = "Confirm your email address")]
    subject: String,
    #[schema(example = "Hello,")]
    text: String,
    #[schema(example = "<p>Hello,</p>")]
    html: String,
    created_at: DateTime<Utc>,
}

impl From<MailboxMessage> for Message {
    fn from(message: MailboxMessage) -> Self {
        Self {
            id: message.id,
            to: message.recipient,
            subject: message.subject,
            text: message.text,
            html: message.html,
            created_at: message.created_at,
        }
    }
}

/// More are kept than one answer holds.
const MOST_MESSAGES: i64 = 500;

/// The development mailbox
///
/// Mail that would have been sent, newest first, at most 500. Only where an installation for development has no mail
/// server; 404 everywhere else.
#[utoipa::path(
    tag = "development",
    params(("to" = Option<String>, Query, example = "anna@example.org", description = "Only what went to this address")),
    responses(
        NotFoundRefusal, ParameterRefusal, Unavailability,
        (status = 200, body = Messages),
    ),
)]
#[get("/api/messages")]
pub async fn list_messages(
    state: web::Data<Notify>,
    query: Query<MailboxQuery>,
) -> Result<web::Json<Messages>, Error> {
    let messages = newest(&state, &query.0.to, MOST_MESSAGES).await?;
    Ok(web::Json(Messages { items: messages.into_iter().map(Message::from).collect() }))
}

/// Messages to `recipient`, newest first, where there is a mailbox at all.
pub async fn newest(state: &Notify, recipient: &Recipient, most: i64) -> Result<Vec<MailboxMessage>, Error> {
    let Outbox::Mailbox(mailbox) = &state.outbox else { return Err(Error::NotFound) };
    let recipient = Some(recipient.0.as_str()).filter(|recipient| !recipient.is_empty());
    transaction(&mailbox.database, &Scope::infrastructure(), "list_messages", async |tx| {
        mailbox::newest(tx, recipient, most).await.map_err(Error::from)
    })
    .await
}
