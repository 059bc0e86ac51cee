//! The shape of a customer.

use serde_json::{Value, json};

use crate::domain::customer::Customer;

pub fn customer(customer: &Customer) -> Value {
    let details = &customer.details;
    json!({
        "id": customer.id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": customer.created,
        "currency": null,
        "customer_account": null,
        "default_source": null,
        "delinquent": false,
        "description": details.description,
        "email": details.email,
        "invoice_prefix": customer
            .id
            .as_str()
            .chars()
            .skip(4)
            .take(8)
            .collect::<String>()
            .to_uppercase(),
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": null,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": false,
        "metadata": details.metadata,
        "name": details.name,
        "next_invoice_sequence": 1,
        "phone": details.phone,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    })
}
