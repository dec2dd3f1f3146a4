//! What the platform keeps for itself in the Tenants table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::StoreError;
use super::item::{Attributes, time};
use super::keys;
use crate::clock::Clock;

/// The items of no tenant. None of them says anything about one.
#[derive(Clone)]
pub struct PlatformItems {
    client: Client,
    table: String,
    clock: Clock,
}

impl PlatformItems {
    /// Opens the Tenants table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// The sealed platform secret; `None` before there is one. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn sealed_secret(&self) -> Result<Option<Vec<u8>>, StoreError> {
        const OPERATION: &str = "read the platform secret";
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::platform_secret().into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let message = output.item.map(|item| {
            Attributes::of(OPERATION, &item)
                .bytes("message")
                .map(Vec::from)
        });
        message.transpose()
    }

    /// Stores the sealed platform secret unless there is one, and gives the one that is there now: the first writer's, whoever
    /// that was. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn store_first_secret(&self, message: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        const OPERATION: &str = "store the platform secret";
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(keys::platform_secret().into_attributes()))
            .item("message", AttributeValue::B(Blob::new(message.clone())))
            .item("created_at", time(self.clock.now()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else {
            return Ok(message);
        };
        match error.as_service_error() {
            // Also when this very write was made twice, because its first answer was lost: then the item is ours.
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let item = failed.item().cloned().unwrap_or_default();
                Ok(Attributes::of(OPERATION, &item).bytes("message")?.to_vec())
            }
            _ => Err(StoreError::of(OPERATION, "", &error)),
        }
    }
}
