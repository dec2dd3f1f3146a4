//! Reading attributes of items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::StoreError;
use crate::clock::rfc3339;

/// An item as DynamoDB gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Reads attributes of one item; a missing or malformed one is an error that names it.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'i> {
    operation: &'static str,
    item: &'i Item,
}

impl<'i> Attributes<'i> {
    pub(super) fn of(operation: &'static str, item: &'i Item) -> Self {
        Self { operation, item }
    }

    pub(super) fn text(self, attribute: &'static str) -> Result<&'i str, StoreError> {
        self.optional_text(attribute)
            .ok_or_else(|| self.unreadable(attribute))
    }

    pub(super) fn optional_text(self, attribute: &'static str) -> Option<&'i str> {
        self.item.get(attribute)?.as_s().ok().map(String::as_str)
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        self,
        attribute: &'static str,
    ) -> Result<T, StoreError> {
        self.text(attribute)?
            .parse()
            .map_err(|_| self.unreadable(attribute))
    }

    /// The same for an attribute that may be absent.
    pub(super) fn optional<T: std::str::FromStr>(
        self,
        attribute: &'static str,
    ) -> Result<Option<T>, StoreError> {
        if !self.item.contains_key(attribute) {
            return Ok(None);
        }
        self.parsed(attribute).map(Some)
    }

    /// A number that may be absent.
    pub(super) fn optional_number(
        self,
        attribute: &'static str,
    ) -> Result<Option<u64>, StoreError> {
        if !self.item.contains_key(attribute) {
            return Ok(None);
        }
        self.number(attribute).map(Some)
    }

    pub(super) fn number(self, attribute: &'static str) -> Result<u64, StoreError> {
        let number = self
            .item
            .get(attribute)
            .and_then(|value| value.as_n().ok())
            .and_then(|text| text.parse().ok());
        number.ok_or_else(|| self.unreadable(attribute))
    }

    pub(super) fn flag(self, attribute: &'static str) -> bool {
        self.item
            .get(attribute)
            .and_then(|value| value.as_bool().ok())
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn bytes(self, attribute: &'static str) -> Result<&'i [u8], StoreError> {
        let blob = self.item.get(attribute).and_then(|value| value.as_b().ok());
        blob.map(AsRef::as_ref)
            .ok_or_else(|| self.unreadable(attribute))
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(
        self,
        attribute: &'static str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(self.text(attribute)?).map_err(|_| self.unreadable(attribute))
    }

    pub(super) fn time(self, attribute: &'static str) -> Result<Timestamp, StoreError> {
        self.parsed(attribute)
    }

    pub(super) fn unreadable(self, attribute: &'static str) -> StoreError {
        StoreError::Unreadable {
            operation: self.operation,
            attribute,
        }
    }
}

/// Whether an item's time is over: DynamoDB still has it until it comes by, which it promises for some days later.
pub(super) fn is_expired(item: &Item, now: Timestamp) -> bool {
    let expires_at = item.get("expires_at").and_then(|value| value.as_n().ok());
    is_over(expires_at.and_then(|seconds| seconds.parse().ok()), now)
}

/// Whether a time to live, in seconds since 1970, is over at some moment; never, where there is none.
pub(super) fn is_over(expires_at: Option<i64>, at: Timestamp) -> bool {
    expires_at.is_some_and(|expires_at| expires_at <= at.as_second())
}

/// A time, as [`rfc3339`] writes it.
pub(super) fn time(value: Timestamp) -> AttributeValue {
    text(rfc3339(value))
}

/// A string attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_expires_with_the_second_that_it_names_and_without_one_never() {
        let now = Timestamp::from_millisecond(1_000_999).unwrap();
        let until = |value| HashMap::from([("expires_at".to_owned(), value)]);
        assert!(is_expired(&until(number(1_000)), now));
        assert!(!is_expired(&until(number(1_001)), now));
        for kept in [HashMap::new(), until(text("1000")), until(number("x"))] {
            assert!(!is_expired(&kept, now));
        }
    }
}
