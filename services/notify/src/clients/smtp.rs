//! Mail by SMTP (RFC 5321).

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use url::Url;

use super::{Mail, NotTaken};
use crate::domain::one_line;

/// A mail server that takes our mail.
#[derive(Clone)]
pub struct SmtpRelay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// The right side of our Message-IDs.
    domain: String,
}

/// Why `SMTP_URL` cannot be used. None repeats the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SmtpFault {
    #[error("SMTP_URL is not a URL")]
    NotAUrl,
    #[error(
        "SMTP_URL would send mail in the clear: use smtps:// or add ?tls=required (only a loopback host may do without)"
    )]
    InTheClear,
    #[error(
        "SMTP_URL is not understood: smtps://user:password@host:port or smtp://...?tls=required is expected"
    )]
    NotUnderstood,
}

/// Of one command. A server that does not answer within it is tried again later.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// Of the whole conversation: less than the job's lease, so that nobody else sends the message meanwhile.
const CONVERSATION_TIMEOUT: Duration = Duration::from_secs(45);

impl SmtpRelay {
    pub fn new(smtp_url: &str, from: Mailbox, domain: &str) -> Result<Self, SmtpFault> {
        let url = Url::parse(smtp_url).map_err(|_| SmtpFault::NotAUrl)?;
        let encrypted = url.scheme() == "smtps"
            || url.query_pairs().any(|(key, value)| key == "tls" && value == "required");
        if !encrypted && !is_loopback(&url) {
            return Err(SmtpFault::InTheClear);
        }
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url).map_err(|_| SmtpFault::NotUnderstood)?;
        // A path in the URL is the name to greet with.
        if url.path().len() <= 1 {
            builder = builder.hello_name(ClientId::Domain(domain.to_owned()));
        }
        let transport = builder.timeout(Some(COMMAND_TIMEOUT)).build();
        Ok(Self { transport, from, domain: domain.to_owned() })
    }

    pub async fn hand_over(&self, mail: &Mail) -> Result<(), NotTaken> {
        let message = self.message(mail)?;
        let answer = tokio::time::timeout(CONVERSATION_TIMEOUT, self.transport.send(message)).await;
        match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.explain(&error).await),
            Err(_) => Err(NotTaken::Unavailable("the mail server did not answer in time".to_owned())),
        }
    }

    /// A 5xx is the message's fault only where the server takes mail from us at all: it also says so to a wrong password.
    async fn explain(&self, error: &lettre::transport::smtp::Error) -> NotTaken {
        let reason = match error.status() {
            Some(code) => format!("the mail server answered {code}"),
            None if error.is_timeout() => "the mail server did not answer in time".to_owned(),
            None if error.is_tls() => "the mail server's certificate or TLS is not acceptable".to_owned(),
            None => "the mail server cannot be reached".to_owned(),
        };
        let greets_us = || tokio::time::timeout(COMMAND_TIMEOUT, self.transport.test_connection());
        if error.is_permanent() && matches!(greets_us().await, Ok(Ok(true))) {
            NotTaken::Refused(reason)
        } else {
            NotTaken::Unavailable(reason)
        }
    }

    /// The same message for the same delivery, to the last byte: a receiver that got it twice can tell.
    fn message(&self, mail: &Mail) -> Result<Message, NotTaken> {
        let refused = |reason: &str| NotTaken::Refused(reason.to_owned());
        // The header writer panics on a line break.
        let name = mail.to.name.as_deref().map(one_line).filter(|name| !name.is_empty());
        let address: Address = mail.to.email.parse().map_err(|_| refused("the address is not one"))?;
        let parts = MultiPart::alternative()
            .boundary(format!("letter-{}", mail.id))
            .singlepart(SinglePart::plain(mail.letter.text.clone()))
            .singlepart(SinglePart::html(mail.letter.html.clone()));
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(mail.letter.subject.clone())
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain)))
            .date(SystemTime::from(mail.written_at));
        // RFC 3834 section 5: nobody's holiday notice shall answer.
        if let Ok(name) = HeaderName::new_from_ascii("Auto-Submitted".to_owned()) {
            message = message.raw_header(HeaderValue::new(name, "auto-generated".to_owned()));
        }
        message.multipart(parts).map_err(|_| refused("the message cannot be written"))
    }
}

/// `smtp` is no scheme that the URL standard reads addresses in, so they arrive as text.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use shinkofa_web::Locale;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Addressee, DeliveryId, Letter};

    fn relay(url: &str) -> Result<SmtpRelay, SmtpFault> {
        SmtpRelay::new(url, "Shinkofa <no-reply@example.org>".parse().unwrap(), "example.org")
    }

    fn mail(name: &str) -> Mail {
        Mail {
            id: DeliveryId::from_uuid(Uuid::from_u128(7)),
            to: Addressee {
                email: "ann@example.org".to_owned(),
                name: Some(name.to_owned()),
                locale: Locale::French,
            },
            letter: Letter {
                subject: "Réservé".to_owned(),
                text: "é".to_owned(),
                html: "<p>é</p>".to_owned(),
            },
            written_at: "2026-12-01T09:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn mail_never_leaves_in_the_clear_except_to_this_machine() {
        for (url, fault) in [
            ("smtps://user:pass@mail.example.org", None),
            ("smtp://mail.example.org?tls=required", None),
            ("smtp://127.0.0.1:2525", None),
            ("smtp://[::1]:2525", None),
            ("smtp://mail.example.org", Some(SmtpFault::InTheClear)),
            ("smtp://mail.example.org?tls=opportunistic", Some(SmtpFault::InTheClear)),
            ("http://127.0.0.1", Some(SmtpFault::NotUnderstood)),
            ("mail.example.org", Some(SmtpFault::NotAUrl)),
        ] {
            assert_eq!(relay(url).err(), fault, "{url}");
        }
    }

    #[test]
    fn the_same_delivery_makes_the_same_message() {
        let relay = relay("smtp://127.0.0.1:2525").unwrap();
        let formatted = || String::from_utf8(relay.message(&mail("Ann")).unwrap().formatted()).unwrap();
        assert_eq!(formatted(), formatted());
        assert!(
            formatted().contains("Message-ID: <00000000-0000-0000-0000-000000000007@example.org>\r\n"),
            "{}",
            formatted()
        );
    }

    #[test]
    fn a_name_cannot_add_a_header() {
        let relay = relay("smtp://127.0.0.1:2525").unwrap();
        let message = relay.message(&mail("Ann\r\nBcc: eve@example.org")).unwrap();
        let formatted = String::from_utf8(message.formatted()).unwrap();
        assert!(!formatted.lines().any(|line| line.starts_with("Bcc:")), "{formatted}");
    }

    #[test]
    fn an_address_that_is_none_is_refused_for_good() {
        let relay = relay("smtp://127.0.0.1:2525").unwrap();
        let mut nowhere = mail("Ann");
        nowhere.to.email = "ann@@example.org\r\nRCPT TO:<eve@example.org>".to_owned();
        assert!(matches!(relay.message(&nowhere), Err(NotTaken::Refused(_))));
    }
}
