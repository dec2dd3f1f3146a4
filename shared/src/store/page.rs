//! Pages of a partition that is listed by its sort key.

use aws_sdk_dynamodb::Client;

use super::item::{Attributes, Item, text};
use super::{StoreError, keys};

/// Which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// A page of `limit` entries, 1 to 100 (what lies outside counts as the nearest of them), that begins behind the position
    /// that the page before it gave.
    #[must_use]
    pub fn new(limit: usize, after: Option<String>) -> Self {
        Self {
            limit: limit.clamp(1, 100),
            after,
        }
    }

    /// How many entries, 1 to 100.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Behind which position it begins.
    #[must_use]
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The page's items of a partition, the largest sort key first, and the position of the next page, if there is one.
    pub(super) async fn newest_first(
        &self,
        operation: &'static str,
        client: &Client,
        table: &str,
        partition: String,
    ) -> Result<(Vec<Item>, Option<String>), StoreError> {
        let start = self
            .after
            .as_ref()
            .map(|position| keys::item_of(partition.clone(), position.clone()).into_attributes());
        // One more than asked for tells whether there is another page. A page of 101 small items is far below 1 MB.
        let limit = i32::try_from(self.limit.saturating_add(1)).unwrap_or(i32::MAX);
        let output = client
            .query()
            .table_name(table)
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
            .set_exclusive_start_key(start)
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(limit)
            .send()
            .await
            .map_err(|error| StoreError::of(operation, "", &error))?;
        let mut items = output.items.unwrap_or_default();
        let is_last = items.len() <= self.limit;
        items.truncate(self.limit);
        let next = match items.last() {
            Some(last) if !is_last => {
                Some(Attributes::of(operation, last).text(keys::SORT)?.to_owned())
            }
            _ => None,
        };
        Ok((items, next))
    }
}
