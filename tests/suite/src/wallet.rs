//! Wallets: looking into them, and filling them by buying.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Call, Stack, until};

/// What `GET /api/credits/wallet` shows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wallet {
    pub available: i64,
    pub held: i64,
    pub lots: Vec<Lot>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lot {
    pub id: String,
    pub remaining: i64,
    pub held: i64,
    pub expires_at: Option<String>,
    pub source: Value,
}

/// A purchase that waits for its payer.
#[derive(Clone, Debug)]
pub struct Checkout {
    pub payment_id: String,
    pub session_id: String,
}

impl Stack {
    pub async fn wallet(&self, member: &impl AsRef<str>) -> Wallet {
        let answer = self.get("/api/credits/wallet").bearer(member).send_until_answered().await.expect(200);
        serde_json::from_value(answer.body.clone())
            .unwrap_or_else(|error| panic!("{error}: {:#}", answer.body))
    }

    /// The movements of a wallet, newest first, as far as one page shows them.
    pub async fn movements(&self, member: &impl AsRef<str>) -> Vec<Value> {
        let call = self.get("/api/credits/transactions").query(&[("limit", "200")]).bearer(member);
        call.send_until_answered().await.expect(200).items().to_vec()
    }

    /// The request that starts a purchase.
    pub fn checkout(&self, member: &impl AsRef<str>, package: &str, key: &str) -> Call {
        let body = json!({ "packageId": package });
        self.post("/api/payment/checkout").bearer(member).idempotency_key(key).json(&body)
    }

    pub async fn start_checkout(&self, member: &impl AsRef<str>, package: &str) -> Checkout {
        let answer = self.checkout(member, package, &self.fresh("checkout")).send().await.expect(201);
        Checkout { payment_id: answer.text("paymentId"), session_id: answer.text("checkoutSessionId") }
    }

    pub async fn payment_status(&self, member: &impl AsRef<str>, payment: &str) -> String {
        let call = self.get(&format!("/api/payment/{payment}")).bearer(member);
        call.send_until_answered().await.expect(200).text("status")
    }

    pub async fn wait_until_paid(&self, member: &impl AsRef<str>, payment: &str) {
        until(&format!("the payment {payment} is paid"), async || {
            (self.payment_status(member, payment).await == "paid").then_some(())
        })
        .await;
    }

    /// Buys a package as everybody does: checkout, the Pay button, and the webhook that tells of it.
    pub async fn buy(&self, member: &impl AsRef<str>, package: &str) -> Checkout {
        let checkout = self.start_checkout(member, package).await;
        self.press_pay(&checkout.session_id).await;
        self.wait_until_paid(member, &checkout.payment_id).await;
        checkout
    }
}
