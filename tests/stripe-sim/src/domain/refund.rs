//! A refund: money that goes back, never more than was paid.

use serde::{Deserialize, Serialize};

use super::charge::{Charge, ChargeStatus};
use super::currency::Currency;
use super::event::{EventType, Occurrence};
use super::form::{Metadata, Params};
use super::ids::{BalanceTransactionId, ChargeId, IdSource, PaymentIntentId, RefundId};
use super::payment::{MeansKind, Outcome};
use super::rejection::Rejection;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub created: i64,
    pub amount: i64,
    pub currency: Currency,
    pub charge: ChargeId,
    pub payment_intent: PaymentIntentId,
    pub means: MeansKind,
    pub reason: Option<String>,
    pub metadata: Metadata,
    pub status: RefundStatus,
    pub balance_transaction: BalanceTransactionId,
    /// The transaction that put a failed refund back, once it has failed.
    pub failure_balance_transaction: Option<BalanceTransactionId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

impl RefundStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A refund as a caller asks for it.
#[derive(Clone, Debug)]
pub struct NewRefund {
    pub of: RefundSource,
    amount: Option<i64>,
    reason: Option<String>,
    metadata: Metadata,
}

#[derive(Clone, Debug)]
pub enum RefundSource {
    Charge(String),
    Intent(String),
}

/// The refund and its charge after a step, and what is to be told about it, in order.
#[derive(Clone, Debug)]
pub struct RefundStep {
    pub refund: Refund,
    pub charge: Charge,
    pub occurrences: Vec<Occurrence>,
}

impl NewRefund {
    pub fn parse(params: &mut Params) -> Result<Self, Rejection> {
        let of = match (params.text("charge")?, params.text("payment_intent")?) {
            (Some(charge), None) => RefundSource::Charge(charge),
            (None, Some(intent)) => RefundSource::Intent(intent),
            (Some(_), Some(_)) => {
                return Err(Rejection::invalid(
                    "You may only specify one of these parameters: charge, payment_intent.",
                )
                .about("charge"));
            }
            (None, None) => {
                return Err(Rejection::invalid(
                    "One of the following params should be provided for this request: payment_intent or charge.",
                ));
            }
        };
        let amount = params.integer("amount")?;
        if amount.is_some_and(|amount| amount < 1) {
            return Err(Rejection::invalid("Invalid positive integer")
                .about("amount")
                .coded("parameter_invalid_integer"));
        }
        Ok(Self {
            of,
            amount,
            reason: params
                .choice("reason", &["duplicate", "fraudulent", "requested_by_customer"])?
                .map(str::to_owned),
            metadata: params.metadata()?,
        })
    }

    /// Refunds what is asked for, or all that is left.
    pub fn apply(self, charge: &Charge, now: i64, ids: &mut IdSource) -> Result<RefundStep, Rejection> {
        if charge.status != ChargeStatus::Succeeded {
            return Err(Rejection::invalid(format!(
                "Charge {} has not succeeded and cannot be refunded.",
                charge.id
            )));
        }
        let left = charge.unrefunded();
        if left == 0 {
            return Err(Rejection::invalid(format!("Charge {} has already been refunded.", charge.id))
                .coded("charge_already_refunded"));
        }
        let amount = self.amount.unwrap_or(left);
        if amount > left {
            return Err(Rejection::invalid(format!(
                "Refund amount ({}) is greater than unrefunded amount on charge ({})",
                charge.currency.write(amount),
                charge.currency.write(left)
            ))
            .about("amount"));
        }
        let refund = Refund {
            id: ids.mint(),
            created: now,
            amount,
            currency: charge.currency.clone(),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            means: charge.means,
            reason: self.reason,
            metadata: self.metadata,
            status: match charge.means {
                MeansKind::Card => RefundStatus::Succeeded,
                MeansKind::SepaDebit => RefundStatus::Pending,
            },
            balance_transaction: ids.mint(),
            failure_balance_transaction: None,
        };
        let after = Charge { amount_refunded: charge.amount_refunded + amount, ..charge.clone() };
        let occurrences = vec![
            Occurrence::of(EventType::RefundCreated, &refund),
            Occurrence::change(EventType::ChargeRefunded, charge, &after),
        ];
        Ok(RefundStep { refund, charge: after, occurrences })
    }
}

/// A refund cannot end in the way that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a refund that is {} cannot end like that", .0.as_str())]
pub struct InvalidRefundTransition(pub RefundStatus);

impl Refund {
    /// Ends a pending refund. A succeeded one may still fail, when the bank sends the money back.
    pub fn settle(
        &self,
        charge: &Charge,
        outcome: Outcome,
        ids: &mut IdSource,
    ) -> Result<RefundStep, InvalidRefundTransition> {
        let mut refund = self.clone();
        let mut charge = charge.clone();
        refund.status = match (self.status, outcome) {
            (RefundStatus::Pending, Outcome::Succeeded) => RefundStatus::Succeeded,
            (RefundStatus::Pending | RefundStatus::Succeeded, Outcome::Failed) => {
                charge.amount_refunded -= self.amount;
                refund.failure_balance_transaction = Some(ids.mint());
                RefundStatus::Failed
            }
            (status, _) => return Err(InvalidRefundTransition(status)),
        };
        let mut occurrences = vec![
            Occurrence::change(EventType::RefundUpdated, self, &refund),
            Occurrence::change(EventType::ChargeRefundUpdated, self, &refund),
        ];
        if refund.status == RefundStatus::Failed {
            occurrences.push(Occurrence::of(EventType::RefundFailed, &refund));
        }
        Ok(RefundStep { refund, charge, occurrences })
    }
}
