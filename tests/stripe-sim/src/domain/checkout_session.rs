//! A Checkout session: an invitation to pay that ends by payment, by expiry or by a refused transfer.

use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::form::{Metadata, Params};
use super::ids::{CheckoutSessionId, CustomerId, IdSource, LineItemId, PaymentIntentId, PriceId, ProductId};
use super::payment::MeansKind;
use super::payment_intent::PaymentInstructions;
use super::rejection::Rejection;

const SHORTEST_SECONDS: i64 = 30 * 60;
const LONGEST_SECONDS: i64 = 24 * 3600;
const MOST_LINE_ITEMS: usize = 100;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckoutSession {
    pub id: CheckoutSessionId,
    pub created: i64,
    pub expires_at: i64,
    pub state: SessionState,
    pub currency: Currency,
    pub line_items: Vec<LineItem>,
    pub terms: SessionTerms,
    /// Where the payer goes while the session is open.
    pub page: String,
    pub payment_intent: Option<PaymentIntentId>,
    pub payer_email: Option<String>,
}

/// What the caller wrote about the session, kept as given.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionTerms {
    pub success_url: String,
    pub cancel_url: Option<String>,
    pub client_reference_id: Option<String>,
    pub customer: Option<CustomerId>,
    pub customer_email: Option<String>,
    pub metadata: Metadata,
    pub locale: Option<String>,
    pub submit_type: Option<String>,
    pub accepts: Vec<MeansKind>,
    pub payment: PaymentInstructions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    Open,
    Paid,
    /// Completed with a delayed means of payment whose money has not arrived.
    AwaitingFunds,
    /// Completed with a delayed means of payment whose money will not arrive.
    FundsFailed,
    Expired,
}

impl SessionState {
    pub fn status(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid | Self::AwaitingFunds | Self::FundsFailed => "complete",
            Self::Expired => "expired",
        }
    }

    pub fn payment_status(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            _ => "unpaid",
        }
    }
}

/// A session was asked for something that its state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Checkout session that is {} cannot do that", .0.status())]
pub struct InvalidTransition(pub SessionState);

impl CheckoutSession {
    pub fn total(&self) -> i64 {
        self.line_items.iter().map(LineItem::total).sum()
    }

    pub fn expire(&self) -> Result<Self, InvalidTransition> {
        match self.state {
            SessionState::Open => Ok(Self { state: SessionState::Expired, ..self.clone() }),
            state => Err(InvalidTransition(state)),
        }
    }

    /// The success address with the session's id in the place that the caller marked for it.
    pub fn success_address(&self) -> String {
        self.terms.success_url.replace("{CHECKOUT_SESSION_ID}", self.id.as_str())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineItem {
    pub id: LineItemId,
    pub price_id: PriceId,
    pub product_id: ProductId,
    pub name: String,
    pub unit_amount: i64,
    pub quantity: i64,
    pub tax_behavior: Option<String>,
}

impl LineItem {
    pub fn total(&self) -> i64 {
        self.unit_amount.saturating_mul(self.quantity)
    }
}

/// A session as a caller asks for it, checked as far as that needs neither the time nor other objects.
#[derive(Clone, Debug)]
pub struct NewCheckoutSession {
    currency: Currency,
    line_items: Vec<NewLineItem>,
    expires_at: Option<i64>,
    customer: Option<String>,
    success_url: String,
    cancel_url: Option<String>,
    client_reference_id: Option<String>,
    customer_email: Option<String>,
    metadata: Metadata,
    locale: Option<String>,
    submit_type: Option<String>,
    accepts: Vec<MeansKind>,
    payment: PaymentInstructions,
}

#[derive(Clone, Debug)]
struct NewLineItem {
    name: String,
    product: Option<String>,
    unit_amount: i64,
    quantity: i64,
    tax_behavior: Option<String>,
}

impl NewCheckoutSession {
    pub fn parse(params: &mut Params) -> Result<Self, Rejection> {
        if params.choice("mode", &["payment"])?.is_none() {
            return Err(Rejection::missing("mode"));
        }
        params.choice("ui_mode", &["hosted_page"])?;
        let success_url = params.address("success_url")?.ok_or_else(|| Rejection::missing("success_url"))?;
        let customer = params.text("customer")?;
        let customer_email = params.text_up_to("customer_email", 800)?;
        if customer.is_some() && customer_email.is_some() {
            return Err(Rejection::invalid(
                "You may only specify one of these parameters: customer, customer_email.",
            )
            .about("customer"));
        }
        let stated_currency = parse_optional_currency(params)?;
        let (currency, line_items) = parse_line_items(params)?;
        if stated_currency.is_some_and(|stated| stated != currency) {
            return Err(Rejection::invalid("The currency of the session is not that of its line items.")
                .about("currency"));
        }
        Ok(Self {
            currency,
            line_items,
            expires_at: params.integer("expires_at")?,
            customer,
            success_url,
            cancel_url: params.address("cancel_url")?,
            client_reference_id: params.text_up_to("client_reference_id", 200)?,
            customer_email,
            metadata: params.metadata()?,
            locale: params.text("locale")?,
            submit_type: params.choice("submit_type", &["auto", "book", "donate", "pay"])?.map(str::to_owned),
            accepts: parse_means(params)?,
            payment: parse_instructions(params)?,
        })
    }

    pub fn customer(&self) -> Option<&str> {
        self.customer.as_deref()
    }

    /// Opens the session. `customer` is the one that [`Self::customer`] names.
    pub fn open(
        self,
        customer: Option<CustomerId>,
        public_url: &str,
        now: i64,
        ids: &mut IdSource,
    ) -> Result<CheckoutSession, Rejection> {
        let expires_at = checked_expiry(self.expires_at, now)?;
        let id: CheckoutSessionId = ids.mint();
        let line_items = self
            .line_items
            .into_iter()
            .map(|item| LineItem {
                id: ids.mint(),
                price_id: ids.mint(),
                product_id: item.product.map_or_else(|| ids.mint(), super::ids::Minted::from_text),
                name: item.name,
                unit_amount: item.unit_amount,
                quantity: item.quantity,
                tax_behavior: item.tax_behavior,
            })
            .collect();
        let session = CheckoutSession {
            page: format!("{public_url}/c/pay/{id}"),
            id,
            created: now,
            expires_at,
            state: SessionState::Open,
            currency: self.currency,
            line_items,
            terms: SessionTerms {
                success_url: self.success_url,
                cancel_url: self.cancel_url,
                client_reference_id: self.client_reference_id,
                customer,
                customer_email: self.customer_email,
                metadata: self.metadata,
                locale: self.locale,
                submit_type: self.submit_type,
                accepts: self.accepts,
                payment: self.payment,
            },
            payment_intent: None,
            payer_email: None,
        };
        session.currency.check_total(session.total())?;
        Ok(session)
    }
}

fn checked_expiry(wanted: Option<i64>, now: i64) -> Result<i64, Rejection> {
    let expires_at = wanted.unwrap_or(now + LONGEST_SECONDS);
    if expires_at < now + SHORTEST_SECONDS {
        return Err(Rejection::invalid(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
        )
        .about("expires_at"));
    }
    if expires_at > now + LONGEST_SECONDS {
        return Err(Rejection::invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
        )
        .about("expires_at"));
    }
    Ok(expires_at)
}

fn parse_optional_currency(params: &mut Params) -> Result<Option<Currency>, Rejection> {
    match params.text("currency")? {
        None => Ok(None),
        Some(code) => currency_of(&code, &params.name_of("currency")).map(Some),
    }
}

fn currency_of(code: &str, param: &str) -> Result<Currency, Rejection> {
    Currency::parse(code).ok_or_else(|| Rejection::invalid(format!("Invalid currency: {code}.")).about(param))
}

fn parse_line_items(params: &mut Params) -> Result<(Currency, Vec<NewLineItem>), Rejection> {
    let sections = params.sections("line_items")?;
    if sections.is_empty() {
        return Err(Rejection::missing("line_items"));
    }
    if sections.len() > MOST_LINE_ITEMS {
        return Err(Rejection::invalid("A session has at most 100 line items.").about("line_items"));
    }
    let mut shared: Option<Currency> = None;
    let mut items = Vec::with_capacity(sections.len());
    for section in sections {
        let (currency, item) = NewLineItem::parse(section)?;
        if shared.as_ref().is_some_and(|shared| *shared != currency) {
            return Err(Rejection::invalid("All line items must have the same currency.").about("line_items"));
        }
        shared = Some(currency);
        items.push(item);
    }
    shared.map(|currency| (currency, items)).ok_or_else(|| Rejection::missing("line_items"))
}

impl NewLineItem {
    fn parse(mut item: Params) -> Result<(Currency, Self), Rejection> {
        let quantity_name = item.name_of("quantity");
        let quantity = item.required_integer("quantity")?;
        if !(1..=999_999).contains(&quantity) {
            return Err(Rejection::invalid("Invalid positive integer")
                .about(quantity_name)
                .coded("parameter_invalid_integer"));
        }
        if let Some(price) = item.text("price")? {
            let name = item.name_of("price");
            return Err(Rejection::no_such_reference("price", &price, &name));
        }
        let price_name = item.name_of("price_data");
        let mut price = item.section("price_data")?.ok_or_else(|| Rejection::missing(&price_name))?;
        item.finish()?;

        let code = price.required_text("currency")?;
        let currency = currency_of(&code, &price.name_of("currency"))?;
        let unit_amount = price.required_integer("unit_amount")?;
        currency.check_unit_amount(unit_amount, &price.name_of("unit_amount"))?;
        let (name, product) = parse_product(&mut price)?;
        let tax_behavior =
            price.choice("tax_behavior", &["exclusive", "inclusive", "unspecified"])?.map(str::to_owned);
        price.finish()?;
        Ok((currency, Self { name, product, unit_amount, quantity, tax_behavior }))
    }
}

/// An inline product, or the id of one; the stand-in keeps no products, so an id is its own name.
fn parse_product(price: &mut Params) -> Result<(String, Option<String>), Rejection> {
    if let Some(id) = price.text("product")? {
        return Ok((id.clone(), Some(id)));
    }
    let missing = price.name_of("product_data");
    let mut product = price.section("product_data")?.ok_or_else(|| Rejection::missing(&missing))?;
    let name = product.required_text("name")?;
    product.text("description")?;
    product.metadata()?;
    product.texts("images")?;
    product.text("tax_code")?;
    product.finish()?;
    Ok((name, None))
}

fn parse_means(params: &mut Params) -> Result<Vec<MeansKind>, Rejection> {
    let mut accepts = Vec::new();
    for (position, name) in params.texts("payment_method_types")?.iter().enumerate() {
        let kind = MeansKind::parse(name).ok_or_else(|| {
            Rejection::invalid(format!(
                "Invalid payment_method_types[{position}]: must be one of card, sepa_debit"
            ))
            .about(format!("payment_method_types[{position}]"))
        })?;
        accepts.push(kind);
    }
    if accepts.is_empty() {
        accepts = vec![MeansKind::Card, MeansKind::SepaDebit];
    }
    Ok(accepts)
}

fn parse_instructions(params: &mut Params) -> Result<PaymentInstructions, Rejection> {
    let Some(mut section) = params.section("payment_intent_data")? else {
        return Ok(PaymentInstructions::default());
    };
    let instructions = PaymentInstructions {
        description: section.text_up_to("description", 1000)?,
        receipt_email: section.text_up_to("receipt_email", 512)?,
        metadata: section.metadata()?,
    };
    section.finish()?;
    Ok(instructions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "mode=payment&success_url=https://app.test/ok?s={CHECKOUT_SESSION_ID}\
        &line_items[0][quantity]=2&line_items[0][price_data][currency]=eur\
        &line_items[0][price_data][unit_amount]=1900\
        &line_items[0][price_data][product_data][name]=Ten+credits";

    fn opened(extra: &str) -> Result<CheckoutSession, Rejection> {
        let mut params = Params::decode(format!("{FORM}{extra}").as_bytes())?;
        let new = NewCheckoutSession::parse(&mut params)?;
        params.finish()?;
        new.open(None, "https://pay.test", 1_000, &mut IdSource::seeded(7))
    }

    #[test]
    fn a_session_adds_up_its_items_and_knows_its_page() {
        let session = opened("").unwrap();
        assert_eq!(session.total(), 3800);
        assert_eq!(session.page, format!("https://pay.test/c/pay/{}", session.id));
        assert_eq!(session.success_address(), format!("https://app.test/ok?s={}", session.id));
    }

    #[test]
    fn an_expiry_lies_between_thirty_minutes_and_a_day() {
        assert_eq!(opened("").unwrap().expires_at, 1_000 + 86_400);
        assert!(opened("&expires_at=2800").is_ok());
        assert!(opened("&expires_at=2799").is_err());
        assert!(opened("&expires_at=87400").is_ok());
        assert!(opened("&expires_at=87401").is_err());
    }

    #[test]
    fn only_an_open_session_expires() {
        let session = opened("").unwrap();
        let expired = session.expire().unwrap();
        assert_eq!(expired.state, SessionState::Expired);
        assert_eq!(expired.expire().unwrap_err(), InvalidTransition(SessionState::Expired));
    }

    #[test]
    fn items_of_two_currencies_are_refused() {
        let fault = opened(
            "&line_items[1][quantity]=1&line_items[1][price_data][currency]=usd\
             &line_items[1][price_data][unit_amount]=100\
             &line_items[1][price_data][product_data][name]=x",
        )
        .unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("line_items"));
    }
}
