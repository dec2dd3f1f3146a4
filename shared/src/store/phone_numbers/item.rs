//! A phone number as an item.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};

use super::super::assignments::Assignments;
use super::super::item::{Attributes, Item, number, text, time};
use super::super::routes::incomplete;
use super::super::{StoreError, keys};
use super::{NumberState, PhoneNumberItems, StoredNumber};
use crate::tenant::TenantScope;
use crate::twilio::health::NumberRoute;

impl PhoneNumberItems {
    /// The write of a number over the one that was read.
    pub(super) fn write(
        &self,
        scope: &TenantScope,
        before: Option<&StoredNumber>,
        after: &StoredNumber,
    ) -> Result<TransactWriteItem, StoreError> {
        const OPERATION: &str = "store a phone number";
        let json = |value: Result<String, serde_json::Error>| {
            value.map(text).map_err(|_| incomplete(OPERATION))
        };
        let route = |route: &Option<NumberRoute>| {
            let route = route.as_ref().map(serde_json::to_string);
            route.map(json).transpose()
        };
        let state = &after.state;
        let mut assignments = Assignments::default();
        assignments.set("account_sid", text(state.account_sid.as_str()));
        assignments.set("phone_number", text(&state.phone_number));
        assignments.set_or_remove("friendly_name", state.friendly_name.as_ref().map(text));
        let capabilities = json(serde_json::to_string(&state.capabilities))?;
        assignments.set("capabilities", capabilities);
        assignments.set("is_connected", AttributeValue::Bool(state.is_connected));
        assignments.set_or_remove("voice_route", route(&state.voice_route)?);
        assignments.set_or_remove("message_route", route(&state.message_route)?);
        assignments.set("warnings", json(serde_json::to_string(&state.warnings))?);
        assignments.set("synced_at", time(state.synced_at));
        assignments.set_or_remove("connected_at", after.connected_at.map(time));
        assignments.set_or_remove("connecting_since", after.connecting_since.map(time));
        assignments.set("version", number(after.version));
        let key = keys::phone_number(scope, &state.sid);
        let update = assignments.update(self.changes.table(), key);
        let update = match before {
            None => update.condition_expression("attribute_not_exists(pk)"),
            Some(before) => update
                .condition_expression("#version = :expected")
                .expression_attribute_values(":expected", number(before.version)),
        };
        let update = update.build().map_err(|_| incomplete(OPERATION))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The removal of a number that was read.
    pub(super) fn removal(
        &self,
        scope: &TenantScope,
        before: &StoredNumber,
    ) -> Result<TransactWriteItem, StoreError> {
        let key = keys::phone_number(scope, &before.state.sid);
        let delete = Delete::builder()
            .table_name(self.changes.table())
            .set_key(Some(key.into_attributes()))
            .condition_expression("#version = :expected")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":expected", number(before.version))
            .build()
            .map_err(|_| incomplete("remove a phone number"))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

impl StoredNumber {
    /// Reads it.
    pub(super) fn of_item(operation: &'static str, item: &Item) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        let route = |name: &'static str| {
            let route = item.contains_key(name).then(|| attributes.json(name));
            route.transpose()
        };
        Ok(Self {
            state: NumberState {
                sid: attributes.parsed(keys::SORT)?,
                account_sid: attributes.parsed("account_sid")?,
                phone_number: attributes.text("phone_number")?.to_owned(),
                friendly_name: attributes.optional_text("friendly_name").map(str::to_owned),
                capabilities: attributes.json("capabilities")?,
                is_connected: attributes.flag("is_connected"),
                voice_route: route("voice_route")?,
                message_route: route("message_route")?,
                warnings: attributes.json("warnings")?,
                synced_at: attributes.time("synced_at")?,
            },
            connected_at: attributes.optional("connected_at")?,
            connecting_since: attributes.optional("connecting_since")?,
            version: attributes.number("version")?,
        })
    }
}
