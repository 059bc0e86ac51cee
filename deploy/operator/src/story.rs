//! The whole story of the platform, played through the gateway as a stranger would live it.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chrono::Days;
use serde_json::{Value, json};

use crate::front_door::{self, Answer, FrontDoor};
use crate::installation::Installation;
use crate::{secrets, seeds, wait};

const MAIL_PATIENCE: Duration = Duration::from_secs(30);
const PAYMENT_PATIENCE: Duration = Duration::from_secs(60);
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// Far enough ahead that every cancellation policy still lets go for free.
const BOOKED_AHEAD_DAYS: u64 = 3;

/// Plays it from sign-up to cancellation and prints each step with what it got, then the ledger.
pub(crate) async fn play(installation: &Installation) -> Result<()> {
    let door = FrontDoor::open(installation)?;
    let mut story = Story { door, number: 0, token: String::new() };
    let email =
        format!("story-{}@{}", hex::encode(secrets::random::<6>()?), installation.settings.base_domain);
    story.join(&email).await?;
    let paid = story.buy_credits().await?;
    let reservation = story.book(&email, &paid).await?;
    story.cancel(&reservation, &paid).await?;
    story.ledger().await
}

struct Story {
    door: FrontDoor,
    number: u32,
    token: String,
}

impl Story {
    async fn join(&mut self, email: &str) -> Result<()> {
        let password = secrets::password()?;
        let person = json!({ "email": email, "password": password, "name": "Sacha Story", "locale": "fr" });
        let answer = front_door::send(self.door.post("/api/auth/signup").json(&person)).await?;
        self.tell("signs up", &answer);
        answer.expect(202)?;

        let mail = self.mail_with(email, "#token=").await?;
        let token = token_in(&mail).context("the mail holds no link")?;
        let credentials = json!({ "email": email, "password": password });
        let answer = front_door::send(self.door.post("/api/auth/signin").json(&credentials)).await?;
        self.tell("is not let in before the address is confirmed", &answer);
        answer.expect(401)?;

        let token_body = json!({ "token": token });
        let answer = front_door::send(self.door.post("/api/auth/email/verify").json(&token_body)).await?;
        self.tell("confirms the address with the link of the mail", &answer);
        answer.expect(204)?;
        let again = front_door::send(self.door.post("/api/auth/email/verify").json(&token_body)).await?;
        self.tell("cannot use the link twice", &again);
        again.expect(410)?;

        // The refusal above counts as a failed attempt, and the next one waits for a second.
        let answer = wait::until_answered(LOCK_PATIENCE, async || {
            let signed_in = front_door::send(self.door.post("/api/auth/signin").json(&credentials)).await;
            signed_in.ok().filter(|answer| answer.status != 429)
        })
        .await
        .context("the wait after a failed attempt does not end")?
        .expect(200)?;
        self.token = answer.text("accessToken")?.to_owned();
        self.tell("signs in", &answer);
        let profile = self.get("/api/user/profile").await?;
        self.tell("reads the profile", &profile);
        ensure!(profile.expect(200)?.text("email")? == email, "the profile is somebody else's");
        Ok(())
    }

    /// Returns the wallet after the payment.
    async fn buy_credits(&mut self) -> Result<Value> {
        let packages = front_door::send(self.door.get("/api/credits/packages")).await?;
        self.tell("looks at the packages", &packages);
        let packages = packages.expect(200)?;
        let package = packages.items()?.first().context("there is no package")?;
        let credits = package["credits"].as_i64().context("a package without credits")?;

        let checkout = self.post("/api/payment/checkout", json!({ "packageId": package["id"] })).await?;
        self.tell("starts the checkout", &checkout);
        let checkout = checkout.expect(201)?;
        let session = checkout.text("checkoutSessionId")?;
        let payment = checkout.text("paymentId")?.to_owned();

        let paid = front_door::send(self.door.pay(session)).await?;
        self.tell("presses Pay on Stripe's page", &paid);
        paid.expect(200)?;

        let wallet = wait::until_answered(PAYMENT_PATIENCE, async || {
            let wallet = self.get("/api/credits/wallet").await.ok()?.expect(200).ok()?;
            (wallet.body["available"].as_i64() == Some(credits)).then_some(wallet)
        })
        .await
        .context("the credits do not arrive in the wallet")?;
        self.tell("finds the credits in the wallet", &wallet);
        let state = self.get(&format!("/api/payment/{payment}")).await?;
        self.tell("sees the payment as paid", &state);
        ensure!(state.expect(200)?.text("status")? == "paid", "the payment is not paid");
        Ok(wallet.body)
    }

    /// Returns the reservation.
    async fn book(&mut self, email: &str, before: &Value) -> Result<String> {
        let from = seeds::now() + Days::new(BOOKED_AHEAD_DAYS);
        let window = [("from", seeds::instant(from)), ("to", seeds::instant(from + Days::new(4)))];
        let sessions = front_door::send(self.door.get("/api/sessions").query(&window)).await?;
        self.tell("looks for a session", &sessions);
        let sessions = sessions.expect(200)?;
        let free = |session: &&Value| session["seatsLeft"].as_i64().is_some_and(|left| left > 0);
        let session = sessions.items()?.iter().find(free).context("no session has a seat left")?;
        let cost = session["creditCost"].as_i64().context("a session without a cost")?;

        let booked =
            self.post("/api/booking/create", json!({ "sessionId": session["id"], "seats": 1 })).await?;
        self.tell("books a seat", &booked);
        let reservation = booked.text("reservationId")?.to_owned();
        match booked.status {
            201 => ensure!(booked.body["creditsCharged"].as_i64() == Some(cost), "another price was charged"),
            202 => self.wait_for_confirmation(&reservation).await?,
            other => bail!("expected 201 or 202, got {other}"),
        }
        let wallet = self.get("/api/credits/wallet").await?.expect(200)?;
        self.tell("has paid for it", &wallet);
        let left = before["available"].as_i64().unwrap_or_default() - cost;
        ensure!(wallet.body["available"].as_i64() == Some(left), "the wallet should have {left} left");

        let title = session["title"].as_str().context("a session without a title")?;
        let mail = self.mail_with(email, title).await?;
        println!("      {}", first_line(&mail));
        Ok(reservation)
    }

    async fn wait_for_confirmation(&mut self, reservation: &str) -> Result<()> {
        let path = format!("/api/booking/{reservation}");
        let confirmed = wait::until_answered(PAYMENT_PATIENCE, async || {
            self.get(&path).await.ok().filter(|answer| answer.body["status"] == "confirmed")
        })
        .await
        .context("the reservation stays pending")?;
        self.tell("sees the reservation confirmed", &confirmed);
        Ok(())
    }

    async fn cancel(&mut self, reservation: &str, before: &Value) -> Result<()> {
        let path = format!("/api/booking/{reservation}/cancel");
        let first = self.post(&path, json!({})).await?;
        self.tell("cancels in time", &first);
        let first = first.expect(200)?;
        ensure!(first.text("status")? == "cancelled", "the cancellation came out otherwise");
        let again = self.post(&path, json!({})).await?.expect(200)?;
        ensure!(again.body == first.body, "a repeated cancellation answers otherwise");
        let wallet = wait::until_answered(PAYMENT_PATIENCE, async || {
            let wallet = self.get("/api/credits/wallet").await.ok()?.expect(200).ok()?;
            (wallet.body == *before).then_some(wallet)
        })
        .await;
        let wallet = match wallet {
            Some(wallet) => wallet,
            None => bail!("the wallet is not as before: {}", self.get("/api/credits/wallet").await?.body),
        };
        self.tell("has the credits back, in the lot they came from", &wallet);
        Ok(())
    }

    async fn ledger(&mut self) -> Result<()> {
        let ledger = self.get("/api/credits/transactions").await?.expect(200)?;
        println!("\nthe ledger, newest first");
        println!("  {:<28} {:<12} {:>7}  reference", "created", "type", "amount");
        for entry in ledger.items()? {
            println!(
                "  {:<28} {:<12} {:>7}  {}",
                entry["createdAt"].as_str().unwrap_or("-"),
                entry["type"].as_str().unwrap_or("-"),
                entry["amount"],
                entry["reference"].as_str().unwrap_or("-"),
            );
        }
        ensure!(
            ledger.items()?.iter().any(|entry| entry["type"] == "purchase"),
            "the purchase is not in the ledger"
        );
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Answer> {
        front_door::send(self.door.get(path).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        let key = hex::encode(secrets::random::<16>()?);
        let request = self.door.post(path).bearer_auth(&self.token).header("Idempotency-Key", key);
        front_door::send(request.json(&body)).await
    }

    /// Waits for a mail that holds `needle` and returns its text.
    async fn mail_with(&mut self, email: &str, needle: &str) -> Result<String> {
        let found = wait::until_answered(MAIL_PATIENCE, async || {
            let answer = front_door::send(self.door.messages_to(email)).await.ok()?;
            let messages = answer.items().ok()?;
            messages
                .iter()
                .find(|mail| mail["text"].as_str().is_some_and(|text| text.contains(needle)))
                .cloned()
        })
        .await
        .with_context(|| format!("no mail with {needle:?} arrives"))?;
        self.number += 1;
        println!("{:>3}. gets a mail\n      {}", self.number, found["subject"].as_str().unwrap_or("-"));
        Ok(found["text"].as_str().unwrap_or_default().to_owned())
    }

    fn tell(&mut self, what: &str, answer: &Answer) {
        self.number += 1;
        println!("{:>3}. {what}\n      {} {}", self.number, answer.status, shown(&answer.body));
    }
}

/// Short, and without tokens: a terminal's memory is no place for them.
fn shown(body: &Value) -> String {
    let mut body = body.clone();
    for name in ["accessToken", "refreshToken"] {
        if let Some(token) = body.get_mut(name) {
            *token = json!("…");
        }
    }
    let text = if body.is_null() { String::new() } else { body.to_string() };
    if text.chars().count() <= 400 {
        return text;
    }
    text.chars().take(400).chain(" …".chars()).collect()
}

fn token_in(mail: &str) -> Option<&str> {
    let (_, after) = mail.split_once("#token=")?;
    let end =
        after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(after.len());
    Some(&after[..end])
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_ends_where_the_link_ends() {
        let mail = "Bonjour\nhttps://app.shinkofa.localhost:8443/verify-email#token=aB-_9\nMerci";
        assert_eq!(token_in(mail), Some("aB-_9"));
        assert_eq!(token_in("nothing"), None);
    }

    #[test]
    fn tokens_are_not_shown() {
        let text =
            shown(&json!({ "accessToken": "secret", "refreshToken": "secret", "tokenType": "Bearer" }));
        assert!(!text.contains("secret") && text.contains("Bearer"));
    }
}
