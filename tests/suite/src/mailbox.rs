//! The development mailbox, where every mail of the stack ends.

use reqwest::Method;
use serde_json::Value;

use crate::{Stack, until};

impl Stack {
    /// The mails to an address, newest first.
    pub async fn mails_to(&self, email: &str) -> Vec<Value> {
        let call = self.call(Method::GET, self.url_of("mail", "/api/messages"));
        call.query(&[("to", email)]).send().await.expect(200).items().to_vec()
    }

    /// Waits for a mail whose text holds `needle`.
    pub async fn mail_with(&self, email: &str, needle: &str) -> Value {
        until(&format!("a mail to {email} holds {needle:?}"), async || {
            let holds = |mail: &Value| mail["text"].as_str().is_some_and(|text| text.contains(needle));
            self.mails_to(email).await.into_iter().find(holds)
        })
        .await
    }

    /// The token of the newest link that confirms an address.
    pub async fn verification_token(&self, email: &str) -> String {
        self.link_token(email, "verify-email").await
    }

    /// The token of the newest link to this page.
    pub async fn link_token(&self, email: &str, page: &str) -> String {
        let link = format!("/{page}#token=");
        let mail = self.mail_with(email, &link).await;
        token_in(mail["text"].as_str().unwrap_or_default(), &link)
    }
}

fn token_in(text: &str, link: &str) -> String {
    let (_, after) = text.split_once(link).expect("the mail holds a link");
    after.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}
