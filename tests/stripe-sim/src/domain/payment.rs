//! What happens when someone pays: the session, its payment intent and its charge move together.

use serde::{Deserialize, Serialize};

use super::charge::{Charge, ChargeStatus};
use super::checkout_session::{CheckoutSession, InvalidTransition, SessionState};
use super::event::{EventType, Occurrence};
use super::ids::IdSource;
use super::payment_intent::{IntentStatus, PaymentIntent};

/// A kind of payment method, as `payment_method_types` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeansKind {
    Card,
    SepaDebit,
}

impl MeansKind {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "card" => Some(Self::Card),
            "sepa_debit" => Some(Self::SepaDebit),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::SepaDebit => "sepa_debit",
        }
    }
}

/// What the payer does on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// A card that pays at once.
    #[default]
    Card,
    /// A bank debit whose outcome is told later.
    Delayed,
    /// A card that the bank declines; the session stays open.
    Declined,
}

/// How a delayed payment or a refund ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
}

/// The objects after a step of a payment, and what is to be told about it, in order.
#[derive(Clone, Debug)]
pub struct Payment {
    pub session: CheckoutSession,
    pub intent: PaymentIntent,
    pub charge: Charge,
    pub occurrences: Vec<Occurrence>,
}

/// Pays an open session. `earlier` is the intent of a declined attempt, which a new one continues.
pub fn pay(
    session: &CheckoutSession,
    earlier: Option<PaymentIntent>,
    attempt: Attempt,
    now: i64,
    ids: &mut IdSource,
) -> Result<Payment, InvalidTransition> {
    if session.state != SessionState::Open {
        return Err(InvalidTransition(session.state));
    }
    let mut session = session.clone();
    let mut occurrences = Vec::new();
    let mut intent = earlier.unwrap_or_else(|| {
        let intent = new_intent(&session, now, ids);
        occurrences.push(Occurrence::of(EventType::PaymentIntentCreated, &intent));
        intent
    });
    let payer = session.terms.customer_email.clone().unwrap_or_else(|| "payer@example.test".to_owned());
    let mut charge = new_charge(&intent, attempt, payer.clone(), now, ids);
    intent.latest_charge = Some(charge.id.clone());
    intent.failed_with = None;
    session.payment_intent = Some(intent.id.clone());

    use EventType::{
        ChargeFailed, ChargePending, ChargeSucceeded, CheckoutSessionCompleted, PaymentIntentPaymentFailed,
        PaymentIntentProcessing, PaymentIntentSucceeded,
    };
    let (charge_event, intent_event) = match attempt {
        Attempt::Card => {
            charge.status = ChargeStatus::Succeeded;
            charge.balance_transaction = Some(ids.mint());
            intent.status = IntentStatus::Succeeded;
            session.state = SessionState::Paid;
            (ChargeSucceeded, PaymentIntentSucceeded)
        }
        Attempt::Delayed => {
            charge.status = ChargeStatus::Pending;
            intent.status = IntentStatus::Processing;
            session.state = SessionState::AwaitingFunds;
            (ChargePending, PaymentIntentProcessing)
        }
        Attempt::Declined => {
            charge.status = ChargeStatus::Failed;
            (ChargeFailed, PaymentIntentPaymentFailed)
        }
    };
    if attempt == Attempt::Declined {
        intent.payment_method = None;
        intent.failed_with = Some(charge.means);
    } else {
        intent.payment_method = Some(charge.payment_method.clone());
        session.payer_email = Some(payer);
    }
    occurrences.push(Occurrence::of(charge_event, &charge));
    occurrences.push(Occurrence::of(intent_event, &intent));
    if session.state != SessionState::Open {
        occurrences.push(Occurrence::of(CheckoutSessionCompleted, &session));
    }
    Ok(Payment { session, intent, charge, occurrences })
}

/// Ends a delayed payment.
pub fn settle(
    session: &CheckoutSession,
    intent: &PaymentIntent,
    charge: &Charge,
    outcome: Outcome,
    ids: &mut IdSource,
) -> Result<Payment, InvalidTransition> {
    if session.state != SessionState::AwaitingFunds {
        return Err(InvalidTransition(session.state));
    }
    let (mut session, mut intent, mut charge) = (session.clone(), intent.clone(), charge.clone());
    use EventType::{
        ChargeFailed, ChargeSucceeded, CheckoutSessionAsyncPaymentFailed,
        CheckoutSessionAsyncPaymentSucceeded, PaymentIntentPaymentFailed, PaymentIntentSucceeded,
    };
    let (charge_event, intent_event, session_event) = match outcome {
        Outcome::Succeeded => {
            charge.status = ChargeStatus::Succeeded;
            charge.balance_transaction = Some(ids.mint());
            intent.status = IntentStatus::Succeeded;
            session.state = SessionState::Paid;
            (ChargeSucceeded, PaymentIntentSucceeded, CheckoutSessionAsyncPaymentSucceeded)
        }
        Outcome::Failed => {
            charge.status = ChargeStatus::Failed;
            intent.status = IntentStatus::RequiresPaymentMethod;
            intent.payment_method = None;
            intent.failed_with = Some(charge.means);
            session.state = SessionState::FundsFailed;
            (ChargeFailed, PaymentIntentPaymentFailed, CheckoutSessionAsyncPaymentFailed)
        }
    };
    let occurrences = vec![
        Occurrence::of(charge_event, &charge),
        Occurrence::of(intent_event, &intent),
        Occurrence::of(session_event, &session),
    ];
    Ok(Payment { session, intent, charge, occurrences })
}

fn new_intent(session: &CheckoutSession, now: i64, ids: &mut IdSource) -> PaymentIntent {
    let id: super::ids::PaymentIntentId = ids.mint();
    PaymentIntent {
        client_secret: format!("{id}_secret_{}", ids.letters(25)),
        id,
        created: now,
        amount: session.total(),
        currency: session.currency.clone(),
        customer: session.terms.customer.clone(),
        instructions: session.terms.payment.clone(),
        accepts: session.terms.accepts.clone(),
        status: IntentStatus::RequiresPaymentMethod,
        latest_charge: None,
        payment_method: None,
        failed_with: None,
    }
}

fn new_charge(
    intent: &PaymentIntent,
    attempt: Attempt,
    payer: String,
    now: i64,
    ids: &mut IdSource,
) -> Charge {
    Charge {
        id: ids.mint(),
        created: now,
        amount: intent.amount,
        amount_refunded: 0,
        currency: intent.currency.clone(),
        payment_intent: intent.id.clone(),
        payment_method: ids.mint(),
        means: match attempt {
            Attempt::Delayed => MeansKind::SepaDebit,
            Attempt::Card | Attempt::Declined => MeansKind::Card,
        },
        customer: intent.customer.clone(),
        payer_email: Some(payer),
        instructions: intent.instructions.clone(),
        status: ChargeStatus::Pending,
        balance_transaction: None,
    }
}
