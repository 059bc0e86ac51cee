//! Whoever is erased is forgotten by every service in every studio, and has a certificate that says so.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use suite::{Person, Stack, Superuser, invariants, until, until_within};

use super::{PersonalColumn, personal_columns, tables};
use crate::customers::Offers;

/// Nobody waits here for the rounds of a job that comes once a minute.
const SOON: &str = "UPDATE auth.jobs SET run_at = now() WHERE name = 'erase_people' AND locked_until IS NULL AND run_at > now()";
/// Every service is told twice, and asked each time.
const ERASED_WITHIN: Duration = Duration::from_secs(120);

/// What only the person's own rows said in a column.
struct Said {
    column: PersonalColumn,
    values: Vec<String>,
}

impl Said {
    /// The rows that name the person, by their id or their address, against all the others.
    async fn by(superuser: &mut Superuser, person: &Person, column: PersonalColumn) -> Self {
        let PersonalColumn { service, table, column: name, .. } = &column;
        let (user, email) = (person.user_id(), &person.email);
        let query = format!(
            "SELECT value FROM (SELECT DISTINCT t.\"{name}\"::text AS value FROM {service}.{table} t
                WHERE position('{user}' in to_jsonb(t)::text) > 0 OR position('{email}' in to_jsonb(t)::text) > 0) own
             WHERE value <> '' AND NOT EXISTS (SELECT FROM {service}.{table} t WHERE t.\"{name}\"::text = own.value
                AND position('{user}' in to_jsonb(t)::text) = 0 AND position('{email}' in to_jsonb(t)::text) = 0)"
        );
        let rows = superuser.rows(&query).await;
        let values = rows.iter().filter_map(|row| row["value"].as_str()).map(str::to_owned).collect();
        Self { column, values }
    }

    /// How many rows say it still.
    async fn left(&self, superuser: &mut Superuser) -> i64 {
        let PersonalColumn { service, table, column, .. } = &self.column;
        let values: Vec<String> =
            self.values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
        let query = format!(
            "SELECT count(*) FROM {service}.{table} t WHERE t.\"{column}\"::text IN ({})",
            values.join(", ")
        );
        superuser.number(&query).await
    }
}

/// What the columns say of the person that erasure is to empty.
async fn said_of(superuser: &mut Superuser, person: &Person) -> Vec<Said> {
    let mut said = Vec::new();
    for column in personal_columns(superuser).await.into_iter().filter(PersonalColumn::is_emptied) {
        let about = Said::by(superuser, person, column).await;
        if !about.values.is_empty() {
            said.push(about);
        }
    }
    said
}

/// The tables in which somebody is called by one of these words.
async fn mentions(stack: &Stack, words: &[&str]) -> Vec<String> {
    let mut superuser = stack.superuser().await;
    let mut found = Vec::new();
    for table in tables(stack).await {
        let said: Vec<String> =
            words.iter().map(|word| format!("position('{word}' in to_jsonb(t)::text) > 0")).collect();
        let rows = format!("SELECT count(*) FROM {table} t WHERE {}", said.join(" OR "));
        if superuser.number(&rows).await > 0 {
            found.push(table);
        }
    }
    found
}

/// Where somebody was, and with which program, of which nobody else has anything.
struct Surroundings {
    /// An address of each kind, and what is kept of its network.
    places: [(String, String); 2],
    /// What the program calls itself, beside what others do.
    program: String,
}

/// What is kept of them while somebody has an account: of sessions that go on and that are over, and of the letters about them.
const KEPT_OF_SURROUNDINGS: [&str; 4] =
    ["auth.events", "auth.past_places", "auth.session_places", "notify.mailbox_messages"];

impl Surroundings {
    fn fresh(stack: &Stack) -> Self {
        let random = stack.clock.new_uuid().into_bytes();
        let [a, b, c] = [13, 14, 15].map(|place| random[place]);
        let (v4, v6) = (format!("198.19.{a}"), format!("2001:db8:1{b:02x}:1{c:02x}"));
        Self {
            places: [
                (format!("{v4}.77"), format!("{v4}.0/24")),
                (format!("{v6}:1234:5678:9abc:def0"), format!("{v6}::/64")),
            ],
            program: stack.fresh("program"),
        }
    }

    fn words(&self) -> Vec<&str> {
        let [(v4, network_v4), (v6, network_v6)] = &self.places;
        [v4, network_v4, v6, network_v6, &self.program].map(String::as_str).to_vec()
    }

    /// The person signs in from each of the two, as the gateway would hand them on. One of the sessions is over long ago.
    async fn are_left_by(&self, stack: &Stack, person: &Person) {
        let auth = stack.processes_of("auth").await;
        let url = format!("http://127.0.0.1:{}/api/auth/signin", auth[0].ports[0]);
        let credentials = json!({ "email": person.email, "password": person.password });
        let program =
            format!("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0 {}", self.program);
        for (address, _) in &self.places {
            let call = stack.call(Method::POST, url.clone()).header("host", &format!("app.{}", stack.domain));
            let call = call.header("x-real-ip", address).header("user-agent", &program);
            call.json(&credentials).send().await.expect(200);
        }
        let over = format!(
            "UPDATE auth.sessions SET absolute_expires_at = now() - interval '2 days' WHERE id IN
                (SELECT session_id FROM auth.session_places WHERE ip_prefix = '{}')",
            self.places[0].1
        );
        let mut superuser = stack.superuser().await;
        superuser.run(&over).await;
        until("all is kept of where she was that ever is", async || {
            superuser.run(&SOON.replace("erase_people", "purge_expired")).await;
            let kept = mentions(stack, &self.words()).await;
            KEPT_OF_SURROUNDINGS.iter().all(|table| kept.iter().any(|kept| kept == table)).then_some(())
        })
        .await;
    }
}

/// An account is erased two weeks after somebody asked for it at the earliest: to whom the letter of their sign-up went is forgotten by
/// then, which takes one.
async fn forget_sign_up(superuser: &mut Superuser, person: &Person) {
    let letters = format!(
        "FROM auth.events WHERE type = 'email_verification.requested' AND personal->>'email' = '{}'",
        person.email
    );
    let due = format!(
        "UPDATE auth.jobs SET run_at = now()
         WHERE name = 'forget_signup' AND payload->>'addressee' IN (SELECT aggregate_id::text {letters})"
    );
    superuser.run(&due).await;
    let left = format!("SELECT count(*) {letters}");
    until("the letter of the sign-up is forgotten", async || {
        (superuser.number(&left).await == 0).then_some(())
    })
    .await;
}

async fn certificate(stack: &Stack, id: &str) -> Value {
    stack.get(&format!("/api/me/certificates/{id}")).send().await.expect(200).body
}

/// Somebody who tells the platform what it may know, and their name, which nobody else has.
async fn with_a_profile(stack: &Stack, person: &Person) -> String {
    let name = format!("Camille {}", &stack.fresh("n")[2..]);
    let body =
        json!({ "name": name, "bio": stack.fresh("bio"), "preferences": { "said": stack.fresh("wish") } });
    let call = stack.call(Method::PATCH, stack.url("/api/user/profile")).bearer(person);
    call.json(&body).send().await.expect(200);
    let known = format!(
        "SELECT count(*) FROM notify.contacts WHERE user_id = '{}' AND name = '{name}'",
        person.user_id()
    );
    let mut superuser = stack.superuser().await;
    until("notify knows the name in both studios", async || {
        (superuser.number(&known).await == 2).then_some(())
    })
    .await;
    name
}

#[tokio::test]
async fn an_erased_person_is_left_in_no_personal_column_of_any_service_and_every_service_certifies_it() {
    let stack = Stack::attach().await;
    let offers = Offers::make(&stack).await;
    let (anna, ben) = (offers.customer(&stack).await, offers.customer(&stack).await);
    let name = with_a_profile(&stack, &anna).await;
    let surroundings = Surroundings::fresh(&stack);
    surroundings.are_left_by(&stack, &anna).await;
    let mut superuser = stack.superuser().await;
    let said = said_of(&mut superuser, &anna).await;
    let places: Vec<String> = said.iter().map(|said| said.column.place()).collect();
    for place in [
        "auth.users.email",
        "auth.users.password_phc",
        "auth.profiles.bio",
        "auth.memberships.user_id",
        "auth.events.personal",
        "booking.reservations.idempotency_key",
        "credits.payments.request_key",
        "notify.contacts.email",
        "notify.contacts.name",
        "notify.deliveries.email",
        "notify.mailbox_messages.text",
    ] {
        assert!(places.iter().any(|told| told == place), "{place} says nothing of her: {places:?}");
    }
    let of_ben = mentions(&stack, &[ben.email.as_str()]).await;

    let body = json!({ "password": anna.password });
    let asked = stack.post("/api/me/delete").bearer(&anna).json(&body).send().await.expect(202);
    let id = asked.text("certificateId");
    assert_eq!(certificate(&stack, &id).await["state"], "scheduled");
    forget_sign_up(&mut superuser, &anna).await;
    let due = format!("UPDATE auth.erasures SET erase_at = now() WHERE user_id = '{}'", anna.user_id());
    superuser.run(&due).await;
    let done = until_within(ERASED_WITHIN, "every service has forgotten her", async || {
        superuser.run(SOON).await;
        Some(certificate(&stack, &id).await).filter(|certificate| certificate["state"] == "done")
    })
    .await;
    let services: Vec<_> = done["services"].as_array().expect("services").iter().collect();
    let names: Vec<_> = services.iter().filter_map(|service| service["service"].as_str()).collect();
    assert_eq!(names, ["booking", "credits", "notify"]);
    assert!(services.iter().all(|service| service["confirmedAt"].is_string()), "{done:#}");
    assert!(done["finishedAt"].is_string(), "{done:#}");
    let written = done.to_string();
    assert!(!written.contains(&anna.user_id().to_string()) && !written.contains(&anna.email));

    for said in &said {
        let left = said.left(&mut superuser).await;
        assert_eq!(left, 0, "{} still says of her what it is to say no more", said.column.place());
    }
    let words = [surroundings.words(), vec![anna.email.as_str(), name.as_str()]].concat();
    assert_eq!(mentions(&stack, &words).await, Vec::<String>::new());
    assert_books_name_nobody(&mut superuser, &anna).await;
    // Nobody else was forgotten with her.
    assert_eq!(mentions(&stack, &[ben.email.as_str()]).await, of_ben);
    stack.get("/api/user/profile").bearer(&ben).send().await.expect(200);
    let credentials = json!({ "email": anna.email, "password": anna.password });
    stack.post("/api/auth/signin").json(&credentials).send().await.expect_problem(401, "invalid_credentials");
    invariants::check(&stack).await;
}

/// Booking has put a pseudonym in her place; credits keep the ledger by an id that auth tells nothing of.
async fn assert_books_name_nobody(superuser: &mut Superuser, person: &Person) {
    let user = person.user_id();
    for (rows, expected) in [
        (format!("SELECT count(*) FROM booking.reservations WHERE customer_id = '{user}'"), 0),
        (format!("SELECT count(*) FROM auth.memberships WHERE user_id = '{user}'"), 0),
        (format!("SELECT count(*) FROM auth.sessions WHERE user_id = '{user}'"), 0),
        (
            format!(
                "SELECT count(*) FROM auth.users WHERE id = '{user}' AND status = 'erased' AND name = ''"
            ),
            1,
        ),
        (format!("SELECT count(*) FROM credits.payments WHERE user_id = '{user}' AND status = 'paid'"), 2),
        (
            format!(
                "SELECT count(*) FROM credits.payments
                 WHERE user_id = '{user}' AND (checkout_url IS NOT NULL OR request_key <> '')"
            ),
            0,
        ),
    ] {
        assert_eq!(superuser.number(&rows).await, expected, "{rows}");
    }
}
