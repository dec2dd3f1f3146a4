//! The tenant's own numbers in one item of its configuration, so that whoever serves its traffic knows them without another call.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use jiff::Timestamp;

use super::super::assignments::Assignments;
use super::super::change::Changes;
use super::super::item::{Attributes, Item, number, text, time};
use super::super::routes::incomplete;
use super::super::{StoreError, keys};
use super::{NumberState, PhoneNumberItems};
use crate::sid::AccountSid;
use crate::tenant::TenantScope;

/// The numbers of a tenant's account, as they were last synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNumbers {
    account_sid: AccountSid,
    all: BTreeSet<String>,
    /// Those of them whose calls this deployment answers.
    answered_here: BTreeSet<String>,
    synced_at: Timestamp,
    version: u64,
}

impl OwnNumbers {
    /// Whether a number is one of the account's.
    #[must_use]
    pub fn has(&self, number: &str) -> bool {
        self.all.contains(number)
    }

    /// Whether it is one whose calls this deployment answers, so that a call to it comes back.
    #[must_use]
    pub fn answers(&self, number: &str) -> bool {
        self.answered_here.contains(number)
    }

    /// The account whose numbers they are.
    #[must_use]
    pub fn account_sid(&self) -> &AccountSid {
        &self.account_sid
    }

    /// When Twilio was asked for all of them; before the first sync, for the first that was connected.
    pub(super) fn synced_at(&self) -> Timestamp {
        self.synced_at
    }

    /// Reads the item.
    pub(in crate::store) fn of_item(
        operation: &'static str,
        item: &Item,
    ) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        let numbers = |name: &'static str| {
            let listed = attributes.text(name)?.split(' ');
            let listed = listed.filter(|number| !number.is_empty());
            Ok::<_, StoreError>(listed.map(str::to_owned).collect())
        };
        Ok(Self {
            account_sid: attributes.parsed("account_sid")?,
            all: numbers("all")?,
            answered_here: numbers("answered_here")?,
            synced_at: attributes.time("synced_at")?,
            version: attributes.number("version")?,
        })
    }

    /// The write over what was read, which had the version before this one's.
    pub(super) fn write(
        &self,
        changes: &Changes,
        scope: &TenantScope,
    ) -> Result<TransactWriteItem, StoreError> {
        let joined = |numbers: &BTreeSet<String>| {
            let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
            text(numbers.join(" "))
        };
        let mut assignments = Assignments::default();
        assignments.set("account_sid", text(self.account_sid.as_str()));
        assignments.set("all", joined(&self.all));
        assignments.set("answered_here", joined(&self.answered_here));
        assignments.set("synced_at", time(self.synced_at));
        assignments.set("version", number(self.version));
        let update = assignments.update(changes.table(), keys::own_numbers(scope));
        let update = match self.version.saturating_sub(1) {
            0 => update.condition_expression("attribute_not_exists(pk)"),
            before => update
                .condition_expression("#version = :expected")
                .expression_attribute_values(":expected", number(before)),
        };
        let update = update
            .build()
            .map_err(|_| incomplete("store a tenant's own numbers"))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

impl PhoneNumberItems {
    /// The tenant's own numbers, if any were ever synced or connected. One strongly consistent read.
    pub(super) async fn own(&self, scope: &TenantScope) -> Result<Option<OwnNumbers>, StoreError> {
        read(&self.changes, "read a tenant's own numbers", scope).await
    }
}

/// The tenant's own numbers, if any are known. One strongly consistent read.
pub(in crate::store) async fn read(
    changes: &Changes,
    operation: &'static str,
    scope: &TenantScope,
) -> Result<Option<OwnNumbers>, StoreError> {
    let output = changes
        .client()
        .get_item()
        .table_name(changes.table())
        .set_key(Some(keys::own_numbers(scope).into_attributes()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| StoreError::of(operation, "", &error))?;
    let item = output.item.as_ref();
    item.map(|item| OwnNumbers::of_item(operation, item))
        .transpose()
}

/// Holds while they are those that were read.
pub(in crate::store) fn are_unchanged(
    changes: &Changes,
    scope: &TenantScope,
    read: Option<&OwnNumbers>,
) -> Result<TransactWriteItem, StoreError> {
    let check = ConditionCheck::builder()
        .table_name(changes.table())
        .set_key(Some(keys::own_numbers(scope).into_attributes()));
    let check = match read {
        None => check.condition_expression("attribute_not_exists(pk)"),
        Some(read) => check
            .condition_expression("#version = :expected")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":expected", number(read.version)),
    };
    let check = check
        .build()
        .map_err(|_| incomplete("check a tenant's own numbers"))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// All of an account's numbers, over what was there.
pub(super) fn of_all<'n>(
    before: Option<&OwnNumbers>,
    account: &AccountSid,
    numbers: impl Iterator<Item = &'n NumberState>,
    synced_at: Timestamp,
) -> OwnNumbers {
    let mut own = OwnNumbers {
        account_sid: account.clone(),
        all: BTreeSet::new(),
        answered_here: BTreeSet::new(),
        synced_at,
        version: before.map_or(0, |before| before.version).saturating_add(1),
    };
    for number in numbers {
        own.all.insert(number.phone_number.clone());
        if number.is_answered_here() {
            own.answered_here.insert(number.phone_number.clone());
        }
    }
    own
}

/// The numbers without one that the account does not have any more; nothing, when that changes nothing.
pub(super) fn without(before: &OwnNumbers, number: &NumberState) -> Option<OwnNumbers> {
    let mut after = before.clone();
    let is_theirs = before.account_sid == number.account_sid;
    if !is_theirs || !after.all.remove(&number.phone_number) {
        return None;
    }
    after.answered_here.remove(&number.phone_number);
    after.version = after.version.saturating_add(1);
    Some(after)
}

/// The numbers with what is known of one by now; nothing, when that changes nothing.
pub(super) fn with(before: Option<&OwnNumbers>, number: &NumberState) -> Option<OwnNumbers> {
    let Some(before) = before.filter(|before| before.account_sid == number.account_sid) else {
        let account = &number.account_sid;
        let synced_at = number.synced_at;
        return Some(of_all(before, account, std::iter::once(number), synced_at));
    };
    let mut after = before.clone();
    let phone_number = || number.phone_number.clone();
    after.all.insert(phone_number());
    match number.is_answered_here() {
        true => after.answered_here.insert(phone_number()),
        false => after.answered_here.remove(&number.phone_number),
    };
    if after == *before {
        return None;
    }
    after.version = after.version.saturating_add(1);
    Some(after)
}
