//! Demo accounts, packages, classes and sessions of a development installation. Repeating changes nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Days, SecondsFormat, Timelike, Utc};
use reqwest::RequestBuilder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::binaries::Binaries;
use crate::bring_up::run_command;
use crate::files::write_private;
use crate::front_door::{self, FrontDoor};
use crate::installation::Installation;
use crate::{launch, layout, second_factor, secrets};

/// Role and name of each demo account.
const PEOPLE: [(&str, &str); 4] =
    [("admin", "Ada Demo"), ("manager", "Malik Demo"), ("coach", "Clara Demo"), ("member", "Marin Demo")];
/// Without one their tokens open nothing but its enrolment.
const NEED_SECOND_FACTOR: [&str; 2] = ["admin", "manager"];
const DAYS_AHEAD: u64 = 7;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) password: String,
    /// Base 32, of an app that is enrolled; null where the role needs none.
    pub(crate) totp_secret: Option<String>,
}

pub(crate) type People = BTreeMap<String, Person>;

pub(crate) fn people_file(installation: &Installation) -> PathBuf {
    installation.layout.run.join("demo.json")
}

/// The demo accounts, invented on the first call and read from `demo.json` ever after. What a newer version needs more of
/// them is added.
pub(crate) fn people(installation: &Installation) -> Result<People> {
    let path = people_file(installation);
    let mut people: People = match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?,
        Err(_) => People::new(),
    };
    if complete(&mut people, &installation.settings.base_domain)? {
        write_private(&path, &serde_json::to_vec_pretty(&people)?, &installation.account)?;
        layout::give_to_owner_of(&installation.layout.checkout, &path)?;
    }
    Ok(people)
}

/// Invents what is missing. True when there was something.
fn complete(people: &mut People, base_domain: &str) -> Result<bool> {
    let mut changed = false;
    for (role, _) in PEOPLE {
        if !people.contains_key(role) {
            let email = format!("{role}@{base_domain}");
            let person = Person { email, password: secrets::password()?, totp_secret: None };
            people.insert(role.to_owned(), person);
            changed = true;
        }
        if let Some(person) = people.get_mut(role)
            && NEED_SECOND_FACTOR.contains(&role)
            && person.totp_secret.is_none()
        {
            person.totp_secret = Some(second_factor::new_secret()?);
            changed = true;
        }
    }
    Ok(changed)
}

/// Has auth create the accounts. Secrets go by file: an argument would be seen by everybody on the machine.
pub(crate) fn create_accounts(
    installation: &Installation,
    binaries: &Binaries,
    people: &People,
) -> Result<()> {
    let auth = installation.manifest.service("auth").context("the manifest has no auth")?;
    for (role, name) in PEOPLE {
        let person = people.get(role).with_context(|| format!("demo.json has no {role}"))?;
        let password = HandedOver::write(installation, "demo-password", &person.password)?;
        let secret = person.totp_secret.as_deref();
        let secret =
            secret.map(|secret| HandedOver::write(installation, "demo-totp-secret", secret)).transpose()?;
        let mut arguments = vec!["create-user", "--email", &person.email, "--name", name, "--role", role];
        arguments.extend(["--password-file", &password.path]);
        if let Some(secret) = &secret {
            arguments.extend(["--totp-secret-file", &secret.path]);
        }
        run_command(
            installation,
            binaries,
            auth,
            &arguments,
            launch::command_environment(installation, auth)?,
        )
        .with_context(|| format!("creating the demo {role}"))?;
    }
    Ok(())
}

/// A secret in a file that is gone when the command it was for has ended, however it ended.
struct HandedOver {
    path: String,
}

impl HandedOver {
    fn write(installation: &Installation, name: &str, secret: &str) -> Result<Self> {
        let file = installation.layout.secrets().join(name);
        write_private(&file, secret.as_bytes(), &installation.account)?;
        Ok(Self { path: file.display().to_string() })
    }
}

impl Drop for HandedOver {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

struct Class {
    title: &'static str,
    minutes: u32,
    cost: u32,
    hour: u32,
    capacity: u32,
}

const CLASSES: [Class; 3] = [
    Class { title: "Yoga du matin", minutes: 60, cost: 1, hour: 7, capacity: 12 },
    Class { title: "Pilates", minutes: 50, cost: 1, hour: 12, capacity: 8 },
    Class { title: "Méditation guidée", minutes: 45, cost: 2, hour: 18, capacity: 20 },
];

/// Packages, classes and sessions of the next days, through the gateway as the demo admin.
pub(crate) async fn create_offers(installation: &Installation, people: &People) -> Result<()> {
    let door = FrontDoor::open(installation)?;
    let mut seeder =
        Seeder { door: &door, admin: people.get("admin").context("demo.json has no admin")?, token: None };
    let packages = front_door::send(door.get("/api/credits/packages")).await?.expect(200)?;
    for (name, credits, price, days) in [("Découverte", 5, 4500, 90), ("Habitué", 10, 8000, 180)] {
        if !packages.items()?.iter().any(|found| found["name"] == name) {
            let package = json!({
                "name": name, "credits": credits, "priceMinor": price, "currency": "EUR", "validityDays": days,
            });
            seeder.create("/api/credits/packages", &package).await?;
        }
    }
    seeder.create_sessions(now()).await
}

struct Seeder<'a> {
    door: &'a FrontDoor,
    admin: &'a Person,
    token: Option<String>,
}

impl Seeder<'_> {
    async fn create_sessions(&mut self, now: DateTime<Utc>) -> Result<()> {
        let until = now + Days::new(DAYS_AHEAD + 1);
        let window = [("from", instant(now)), ("to", instant(until)), ("limit", "200".to_owned())];
        let found = front_door::send(self.door.get("/api/sessions").query(&window)).await?.expect(200)?;
        for class in CLASSES {
            let theirs: Vec<&Value> =
                found.items()?.iter().filter(|session| session["title"] == class.title).collect();
            let missing: Vec<String> = (1..=DAYS_AHEAD)
                .filter_map(|day| start_of(now, day, class.hour))
                .filter(|start| !theirs.iter().any(|session| starts_at(session) == Some(*start)))
                .map(instant)
                .collect();
            if missing.is_empty() {
                continue;
            }
            let id = match theirs.first().and_then(|session| session["classId"].as_str()) {
                Some(id) => id.to_owned(),
                None => self.class(&class).await?,
            };
            for start in missing {
                let session = json!({ "classId": id, "startsAt": start, "capacity": class.capacity });
                self.create("/api/sessions", &session).await?;
            }
        }
        Ok(())
    }

    async fn class(&mut self, class: &Class) -> Result<String> {
        let known = self.authorized(self.door.get("/api/classes").query(&[("limit", "200")])).await?;
        let known = front_door::send(known).await?;
        let found =
            known.items().ok().and_then(|items| items.iter().find(|found| found["title"] == class.title));
        if let Some(id) = found.and_then(|found| found["id"].as_str()) {
            return Ok(id.to_owned());
        }
        let wanted =
            json!({ "title": class.title, "durationMinutes": class.minutes, "creditCost": class.cost });
        let created = self.create("/api/classes", &wanted).await?;
        created["id"].as_str().map(str::to_owned).with_context(|| format!("no id in {created}"))
    }

    async fn create(&mut self, path: &str, body: &Value) -> Result<Value> {
        let key = hex::encode(secrets::random::<16>()?);
        let request = self.door.post(path).header("Idempotency-Key", key).json(body);
        let request = self.authorized(request).await?;
        let answer = front_door::send(request).await?.expect(201).with_context(|| format!("POST {path}"))?;
        Ok(answer.body)
    }

    /// Signs in on the first request that needs it: a second `up` needs none.
    async fn authorized(&mut self, request: RequestBuilder) -> Result<RequestBuilder> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => front_door::sign_in(self.door, self.admin).await?,
        };
        let request = request.bearer_auth(&token);
        self.token = Some(token);
        Ok(request)
    }
}

#[allow(clippy::disallowed_methods, reason = "demo sessions lie in the days after the machine's own today")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

pub(crate) fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn start_of(now: DateTime<Utc>, day: u64, hour: u32) -> Option<DateTime<Utc>> {
    let date = now.checked_add_days(Days::new(day))?;
    date.with_hour(hour)?.with_minute(0)?.with_second(0)?.with_nanosecond(0)
}

fn starts_at(session: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(session["startsAt"].as_str()?).ok().map(|time| time.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_invented_once_and_those_of_an_older_version_get_what_they_lack() {
        let mut people = People::new();
        assert!(complete(&mut people, "example.org").unwrap());
        let secrets = |people: &People| -> Vec<bool> {
            ["admin", "manager", "coach", "member"].map(|role| people[role].totp_secret.is_some()).into()
        };
        assert_eq!(secrets(&people), [true, true, false, false]);
        assert!(!complete(&mut people, "example.org").unwrap());
        let password = people["admin"].password.clone();
        people.get_mut("admin").unwrap().totp_secret = None;
        assert!(complete(&mut people, "example.org").unwrap());
        assert_eq!(people["admin"].password, password);
        assert!(people["admin"].totp_secret.is_some());
    }

    #[test]
    fn a_seeded_session_starts_on_the_hour_of_its_day() {
        let now: DateTime<Utc> = "2026-03-01T22:17:45.5Z".parse().unwrap();
        assert_eq!(instant(start_of(now, 1, 7).unwrap()), "2026-03-02T07:00:00Z");
    }

    #[test]
    fn a_session_is_recognised_however_its_instant_is_written() {
        let session = json!({ "startsAt": "2026-03-02T07:00:00.000Z" });
        let now: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(starts_at(&session), start_of(now, 1, 7));
    }
}
