//! People who have bought and booked, in the studio that every installation has and in another.

use chrono::{SecondsFormat, TimeDelta};
use reqwest::Method;
use serde_json::json;
use shinkofa_kernel::TenantId;
use suite::{PackageTerms, Person, SessionTerms, Stack, until};

use crate::studios::{Founder, Studio};

/// What everybody buys and books.
pub struct Offers {
    here: (String, String),
    studio: Studio,
    there: (String, String),
}

/// So much is bought and booked in each of the two.
const COST: i32 = 1;
const PACK: i32 = 3;
/// Events that notify has not read yet, of whomever.
const UNREAD: &str = "SELECT count(*) FROM notify.feed_cursors c JOIN (
        SELECT 'auth' AS feed, transaction, number FROM auth.events
        UNION ALL SELECT 'credits', transaction, number FROM credits.events
        UNION ALL SELECT 'booking', transaction, number FROM booking.events) e USING (feed)
    WHERE (e.transaction, e.number) > (c.transaction, c.number)";

impl Offers {
    /// A package and a session in each of the studios.
    pub async fn make(stack: &Stack) -> Self {
        let admin = stack.admin().await;
        let pack = PackageTerms { credits: PACK, validity_days: 30 };
        let package = stack.package(&admin, pack).await;
        let session = stack.session_costing(&admin, COST, SessionTerms::far_ahead(10)).await;
        let slug = stack.fresh("elan")[..20].to_owned();
        let studio = Founder::hire(stack).await.found(stack, &slug).await;
        let there = offers_of(stack, &studio).await;
        Self { here: (package, session), studio, there }
    }

    /// The ids of the two studios.
    pub fn studios(&self) -> [String; 2] {
        [TenantId::DEFAULT.to_string(), self.studio.id.clone()]
    }

    /// Somebody who has bought and booked in both, and been told of it.
    pub async fn customer(&self, stack: &Stack) -> Person {
        let person = stack.sign_up("en").await;
        let (package, session) = &self.here;
        stack.buy(&person, package).await;
        stack.book_and_settle(&person, session).await.expect(201);
        let token = self.studio.admit(stack, &person).await;
        self.buy_and_book_there(stack, &token).await;
        let told = format!(
            "SELECT count(DISTINCT tenant_id) FROM notify.deliveries
             WHERE user_id = '{}' AND kind = 'reservation_confirmed' AND state = 'sent'",
            person.user_id()
        );
        let held = format!(
            "SELECT count(*) FROM credits.holds WHERE user_id = '{}' AND state = 'captured'",
            person.user_id()
        );
        let mut superuser = stack.superuser().await;
        until("both bookings are paid for and told", async || {
            let settled = superuser.number(&told).await == 2 && superuser.number(&held).await == 2;
            (settled && superuser.number(UNREAD).await == 0).then_some(())
        })
        .await;
        person
    }

    async fn buy_and_book_there(&self, stack: &Stack, token: &str) {
        let (package, session) = &self.there;
        let call = self.studio.call(stack, Method::POST, "/api/payment/checkout").bearer(token);
        let call = call.idempotency_key(&stack.fresh("checkout")).json(&json!({ "packageId": package }));
        let checkout = call.send().await.expect(201);
        stack.press_pay(&checkout.text("checkoutSessionId")).await;
        let paid = format!("/api/payment/{}", checkout.text("paymentId"));
        until("the payment in the studio is paid", async || {
            let answer = self.studio.call(stack, Method::GET, &paid).bearer(token).send().await.expect(200);
            (answer.body["status"] == "paid").then_some(())
        })
        .await;
        let key = stack.fresh("book");
        let body = json!({ "sessionId": session, "seats": 1 });
        let booked = until("the booking in the studio is settled", async || {
            let call = self.studio.call(stack, Method::POST, "/api/booking/create").bearer(token);
            let answer = call.idempotency_key(&key).json(&body).send().await;
            (answer.status != 202).then_some(answer)
        })
        .await;
        booked.expect(201);
    }
}

async fn offers_of(stack: &Stack, studio: &Studio) -> (String, String) {
    let make = async |path: &str, body: serde_json::Value| {
        studio.order(stack, path, &body).await.expect(201).text("id")
    };
    let package = json!({
        "name": "Pack", "credits": PACK, "priceMinor": 3000, "currency": "EUR", "validityDays": 30,
    });
    let package = make("/api/credits/packages", package).await;
    let class = json!({ "title": stack.fresh("Yoga"), "durationMinutes": 60, "creditCost": COST });
    let class = make("/api/classes", class).await;
    let starts_at = (stack.clock.now() + TimeDelta::days(5)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let session = json!({ "classId": class, "startsAt": starts_at, "capacity": 10 });
    (package, make("/api/sessions", session).await)
}
