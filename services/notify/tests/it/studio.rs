//! A running notify, and the feeds of the three services that it reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration, Utc};
use notify::Notify;
use serde_json::Value;
use shinkofa_contracts::auth::{
    AccountLetter, AccountLetterRequested, EmailVerificationRequested, LetterSecret, PersonalContact,
    PersonalLetter, SignInPlace, SignupForKnownAddress, UserChanged,
};
use shinkofa_contracts::booking::{
    ReservationCancelled, ReservationConfirmed, ReservationDetails, ReservationRejected,
};
use shinkofa_contracts::credits::PaymentPaid;
use shinkofa_contracts::{ClassSessionId, LotId, PackageId, PaymentId, ReservationId};
use shinkofa_identity::SealingKey;
use shinkofa_kernel::{Clock, Currency, UserId};
use shinkofa_testing::{FakePeer, TestApp};
use shinkofa_web::Locale;

use crate::feed::Feed;

pub struct Studio {
    pub app: TestApp<Notify>,
    pub auth: Feed,
    pub credits: Feed,
    pub booking: Feed,
    key: SealingKey,
    _peers: [FakePeer; 3],
}

/// Somebody the feeds speak of.
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub locale: Locale,
}

fn delivery_key() -> String {
    let key: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(41).wrapping_add(3)).collect();
    format!("tests:{}", STANDARD.encode(key))
}

impl Studio {
    /// With the development mailbox.
    pub async fn open() -> Self {
        Self::with(&[]).await
    }

    /// With these environment variables.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let peers = [FakePeer::start().await, FakePeer::start().await, FakePeer::start().await];
        let mut builder = TestApp::<Notify>::builder()
            .peer("auth", &peers[0].url())
            .peer("credits", &peers[1].url())
            .peer("booking", &peers[2].url())
            .env("SHINKOFA_DELIVERY_KEY", &delivery_key());
        for (name, value) in variables {
            builder = builder.env(name, value);
        }
        let app = builder.start().await;
        let feed = async |peer: usize| Feed::of(&peers[peer], app.clock.clone()).await;
        let (auth, credits, booking) = (feed(0).await, feed(1).await, feed(2).await);
        let key = SealingKey::parse(&delivery_key()).unwrap();
        Self { app, auth, credits, booking, key, _peers: peers }
    }

    pub fn clock(&self) -> &Clock {
        &self.app.clock
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// Somebody whom auth has not told about yet.
    pub fn stranger(&self, name: &str, locale: Locale) -> Person {
        let email = format!("{}@example.org", name.to_lowercase());
        Person { id: UserId::new(self.clock()), email, name: name.to_owned(), locale }
    }

    /// Somebody whom auth has told about, with an address that is theirs.
    pub fn member(&self, name: &str, locale: Locale) -> Person {
        let person = self.stranger(name, locale);
        self.introduce(&person, true);
        person
    }

    pub fn introduce(&self, person: &Person, email_verified: bool) {
        let changed = UserChanged { user_id: person.id, locale: person.locale, email_verified };
        self.auth.append(person.id.as_uuid(), &changed, Some(&contact(person)));
    }

    pub fn verification(&self, person: &Person, token: &str) {
        let requested = EmailVerificationRequested {
            user_id: person.id,
            locale: person.locale,
            sealed_token: self.key.seal(EmailVerificationRequested::SEALED_FOR, token.as_bytes()).unwrap(),
            expires_at: self.now() + Duration::hours(24),
        };
        self.auth.append(person.id.as_uuid(), &requested, Some(&contact(person)));
    }

    /// A letter about an account, to `email`, with a link.
    pub fn account_letter(&self, person: &Person, email: &str, letter: AccountLetter, token: Option<&str>) {
        self.account_letter_from(person, (email, None), letter, token);
    }

    /// The same with where somebody signed in from.
    pub fn account_letter_from(
        &self,
        person: &Person,
        (email, place): (&str, Option<SignInPlace>),
        letter: AccountLetter,
        token: Option<&str>,
    ) {
        let secret = token.map(|token| LetterSecret { link_token: Some(token.to_owned()), code: None });
        let seal = |secret| {
            let json = serde_json::to_vec(&secret).unwrap();
            self.key.seal(AccountLetterRequested::SEALED_FOR, &json).unwrap()
        };
        let requested = AccountLetterRequested {
            user_id: person.id,
            locale: person.locale,
            letter,
            sealed_secret: secret.map(seal),
        };
        let contact = PersonalContact { email: email.to_owned(), name: person.name.clone() };
        self.auth.append(person.id.as_uuid(), &requested, Some(&PersonalLetter { contact, place }));
    }

    pub fn signup_again(&self, person: &Person) {
        let signup = SignupForKnownAddress { user_id: person.id, locale: person.locale };
        self.auth.append(person.id.as_uuid(), &signup, Some(&contact(person)));
    }

    pub fn paid(&self, person: &Person) {
        let clock = self.clock();
        let payment = PaymentPaid {
            payment_id: PaymentId::new(clock),
            user_id: person.id,
            package_id: PackageId::new(clock),
            package_name: "Ten classes".to_owned(),
            credits: 10,
            amount_minor: 9900,
            currency: Currency::EUR,
            lot_id: LotId::new(clock),
            expires_at: Some(self.now() + Duration::days(90)),
        };
        self.credits.append(payment.payment_id.as_uuid(), &payment, None);
    }

    pub fn reservation(&self, person: &Person) -> ReservationDetails {
        let starts_at = self.now() + Duration::days(7);
        ReservationDetails {
            reservation_id: ReservationId::new(self.clock()),
            user_id: person.id,
            session_id: ClassSessionId::new(self.clock()),
            class_title: "Yoga <doux>".to_owned(),
            starts_at,
            ends_at: starts_at + Duration::minutes(75),
            location: Some("Salle 2".to_owned()),
            seats: 1,
            credits: 2,
            cancel_deadline: starts_at - Duration::days(1),
        }
    }

    pub fn confirmed(&self, person: &Person) {
        let reservation = self.reservation(person);
        let id = reservation.reservation_id.as_uuid();
        self.booking.append(id, &ReservationConfirmed { reservation }, None);
    }

    pub fn cancelled(&self, person: &Person, late: bool) {
        let reservation = self.reservation(person);
        let id = reservation.reservation_id.as_uuid();
        let credits_refunded = if late { 0 } else { reservation.credits };
        self.booking.append(id, &ReservationCancelled { reservation, late, credits_refunded }, None);
    }

    pub fn rejected(&self, person: &Person, reason: &str) {
        let reservation = self.reservation(person);
        let id = reservation.reservation_id.as_uuid();
        self.booking.append(id, &ReservationRejected { reservation, reason: reason.to_owned() }, None);
    }

    /// Reads the feeds to their ends and does what follows.
    pub async fn settle(&self) {
        self.app.read_feeds().await.unwrap();
        self.app.run_jobs().await;
    }

    /// The mail in the development mailbox, newest first.
    pub async fn mail(&self) -> Vec<Value> {
        let answer = self.app.get("/api/messages").send().await.expect(200);
        answer.body["items"].as_array().unwrap().clone()
    }

    pub async fn mail_to(&self, person: &Person) -> Vec<Value> {
        let answer = self.app.get(&format!("/api/messages?to={}", person.email)).send().await.expect(200);
        answer.body["items"].as_array().unwrap().clone()
    }

    /// Kind, state and reason of every delivery, oldest first.
    pub async fn deliveries(&self) -> Vec<(String, String, Option<String>)> {
        let rows = self.app.sql("SELECT kind, state, reason FROM deliveries ORDER BY created_at, id").await;
        let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
        rows.iter()
            .map(|row| (text(row, "kind").unwrap(), text(row, "state").unwrap(), text(row, "reason")))
            .collect()
    }

    /// Fails the test when a stated invariant is broken; then stops the service.
    pub async fn close(self) {
        for query in include_str!("../../invariants.sql").split(';').filter(|query| query.contains("SELECT"))
        {
            let offending = self.app.sql(query).await;
            assert!(offending.is_empty(), "{}: {offending:?}", query.trim());
        }
        self.app.stop().await;
    }
}

fn contact(person: &Person) -> PersonalContact {
    PersonalContact { email: person.email.clone(), name: person.name.clone() }
}
