//! Every key, by its table. Nothing else builds one.
//!
//! Partition keys of tenant data read `acme#…`: the literal tenant id, then `#`, which no id can hold. An IAM condition on
//! `dynamodb:LeadingKeys` can so enforce the isolation a second time, outside the code.

mod activity;
mod tenants;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

pub(super) use self::activity::{
    EVENT, OPT_OUT, Subject, auto_reply_of, by_group, by_time, contact, conversations, event,
    opt_out_of, replaced_opt_out_of, resource, subject,
};
pub(super) use self::tenants::{
    APPLICATION, DUE_CLASSES, INTEGRATIONS, OWN_NUMBERS, PROFILE, QUARANTINE, SETTINGS,
    account_route, application, audit_partition, deleted_tenant, directory_entry,
    directory_partition, due, due_moment, due_partition, integration, integration_sort, limit,
    limit_partition, minute_entry, minute_partition, own_numbers, part_of_run, phone_number,
    phone_number_partition, platform_audit_partition, platform_secret, profile, quarantine,
    quarantine_at, re_encryption_partition, re_encryption_progress, run, runs_partition, settings,
    subdomain_route, tenant_of, tenant_partition, turns,
};
use super::StoreError;
use super::item::{Attributes, Item, text};
use crate::clock::rfc3339;
use crate::tenant::TenantId;

/// A sort key in the order of time: when, and what tells it from others of that millisecond.
pub(super) fn moment(time: Timestamp, what: impl Display) -> String {
    format!("{}#{what}", rfc3339(time))
}

/// The partition key attribute of every table.
pub(super) const PARTITION: &str = "pk";
/// The sort key attribute of every table.
pub(super) const SORT: &str = "sk";

/// A whole primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    partition: String,
    sort: String,
}

impl Key {
    /// The key of an item, or of an index's entry, which has that of its item.
    pub(super) fn of_item(operation: &'static str, item: &Item) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        Ok(Self {
            partition: attributes.text(PARTITION)?.to_owned(),
            sort: attributes.text(SORT)?.to_owned(),
        })
    }

    pub(super) fn partition(&self) -> &str {
        &self.partition
    }

    pub(super) fn sort(&self) -> &str {
        &self.sort
    }

    pub(super) fn into_attributes(self) -> HashMap<String, AttributeValue> {
        [
            (PARTITION.to_owned(), text(self.partition)),
            (SORT.to_owned(), text(self.sort)),
        ]
        .into()
    }
}

/// An entry of an audit log, or any other item by its keys.
pub(super) fn item_of(partition: String, sort: String) -> Key {
    Key { partition, sort }
}

fn partition(tenant_id: &TenantId, subject: &str) -> String {
    format!("{tenant_id}#{subject}")
}
