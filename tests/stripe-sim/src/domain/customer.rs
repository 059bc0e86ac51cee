//! A customer: who a payment belongs to.

use serde::{Deserialize, Serialize};

use super::form::{Metadata, Params};
use super::ids::CustomerId;
use super::rejection::Rejection;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Customer {
    pub id: CustomerId,
    pub created: i64,
    pub details: CustomerDetails,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CustomerDetails {
    pub email: Option<String>,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub description: Option<String>,
    pub metadata: Metadata,
}

impl CustomerDetails {
    pub fn parse(params: &mut Params) -> Result<Self, Rejection> {
        Ok(Self {
            email: params.text_up_to("email", 512)?,
            name: params.text_up_to("name", 256)?,
            phone: params.text_up_to("phone", 20)?,
            description: params.text("description")?,
            metadata: params.metadata()?,
        })
    }
}
