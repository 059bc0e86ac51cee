//! The shape of a Checkout session and of its line items.

use serde_json::{Value, json};

use crate::domain::checkout_session::{CheckoutSession, LineItem, SessionState};
use crate::domain::payment::MeansKind;

/// The session without its line items, which Stripe shows only when they are expanded.
pub fn checkout_session(session: &CheckoutSession) -> Value {
    let terms = &session.terms;
    let total = session.total();
    let open = session.state == SessionState::Open;
    let accepts: Vec<&str> = terms.accepts.iter().map(|kind| kind.as_str()).collect();
    json!({
        "id": session.id,
        "object": "checkout.session",
        "adaptive_pricing": { "enabled": false },
        "after_expiration": null,
        "allow_promotion_codes": null,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_address_collection": null,
        "branding_settings": null,
        "cancel_url": terms.cancel_url,
        "client_reference_id": terms.client_reference_id,
        "client_secret": null,
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "created": session.created,
        "currency": session.currency,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": {
            "after_submit": null,
            "shipping_address": null,
            "submit": null,
            "terms_of_service_acceptance": null,
        },
        "customer": terms.customer,
        "customer_account": null,
        "customer_creation": if terms.customer.is_some() { Value::Null } else { json!("if_required") },
        "customer_details": customer_details(session),
        "customer_email": terms.customer_email,
        "discounts": [],
        "excluded_payment_method_types": null,
        "expires_at": session.expires_at,
        "integration_identifier": null,
        "invoice": null,
        "invoice_creation": invoice_creation(),
        "livemode": false,
        "locale": terms.locale,
        "managed_payments": null,
        "metadata": terms.metadata,
        "mode": "payment",
        "name_collection": null,
        "optional_items": null,
        "origin_context": null,
        "payment_intent": session.payment_intent,
        "payment_link": null,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": null,
        "payment_method_options": payment_method_options(&terms.accepts),
        "payment_method_types": accepts,
        "payment_status": session.state.payment_status(),
        "permissions": null,
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "redirect_on_completion": null,
        "return_url": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": session.state.status(),
        "submit_type": terms.submit_type,
        "subscription": null,
        "success_url": terms.success_url,
        "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 },
        "ui_mode": "hosted_page",
        "url": open.then_some(&session.page),
        "wallet_options": null,
    })
}

/// One line of a session, with the price and product ids that an inline price is given.
pub fn line_item(session: &CheckoutSession, item: &LineItem) -> Value {
    json!({
        "id": item.id,
        "object": "item",
        "adjustable_quantity": null,
        "amount_discount": 0,
        "amount_subtotal": item.total(),
        "amount_tax": 0,
        "amount_total": item.total(),
        "currency": session.currency,
        "description": item.name,
        "metadata": {},
        "price": {
            "id": item.price_id,
            "object": "price",
            "active": false,
            "billing_scheme": "per_unit",
            "created": session.created,
            "currency": session.currency,
            "custom_unit_amount": null,
            "livemode": false,
            "lookup_key": null,
            "metadata": {},
            "nickname": null,
            "product": item.product_id,
            "recurring": null,
            "tax_behavior": item.tax_behavior.as_deref().unwrap_or("unspecified"),
            "tiers_mode": null,
            "transform_quantity": null,
            "type": "one_time",
            "unit_amount": item.unit_amount,
            "unit_amount_decimal": item.unit_amount.to_string(),
        },
        "quantity": item.quantity,
    })
}

/// Known before payment only where the caller gave an address.
fn customer_details(session: &CheckoutSession) -> Value {
    let email = session.payer_email.as_ref().or(session.terms.customer_email.as_ref());
    match email {
        None => Value::Null,
        Some(email) => json!({
            "address": null,
            "business_name": null,
            "email": email,
            "individual_name": null,
            "name": null,
            "phone": null,
            "tax_exempt": "none",
            "tax_ids": null,
        }),
    }
}

fn invoice_creation() -> Value {
    json!({
        "enabled": false,
        "invoice_data": {
            "account_tax_ids": null,
            "custom_fields": null,
            "description": null,
            "footer": null,
            "issuer": null,
            "metadata": {},
            "rendering_options": null,
        },
    })
}

fn payment_method_options(accepts: &[MeansKind]) -> Value {
    if accepts.contains(&MeansKind::Card) {
        json!({ "card": { "request_three_d_secure": "automatic" } })
    } else {
        json!({})
    }
}
