//! `POST /v1/customers`

use actix_web::HttpResponse;

use crate::api_call::ApiCall;
use crate::domain::customer::{Customer, CustomerDetails};
use crate::shapes;

pub async fn create_customer(call: ApiCall) -> HttpResponse {
    call.write(CustomerDetails::parse, |details, draft, _| {
        let customer = Customer { id: draft.ids().mint(), created: draft.now().seconds(), details };
        let shape = shapes::customer(&customer);
        draft.put(customer);
        Ok(shape)
    })
    .await
}
