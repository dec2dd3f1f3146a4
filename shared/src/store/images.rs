//! Items of the Activity table as its stream shows them: before and after a write.

use serde_json::value::RawValue;

use super::item::{Attributes, Item};
use super::keys::{self, Subject};
use super::{ContactRecord, StoreError, activity};
use crate::activity::{History, Resource, ResourceChange};
use crate::events::Event;
use crate::stream::{Change, ContactChange};
use crate::tenant::TenantScope;

const OPERATION: &str = "read a record of the stream";

/// The attribute of what was deleted and left as a mark of that.
const DELETED: &str = "deleted_at";

/// What a write to an item changed, and whose the item is. The stream is the bundle's own work list: like a webhook that was put
/// aside, a record of it carries the tenant that it was verified for when it was written.
pub(crate) fn change(
    key: &Item,
    before: Option<&Item>,
    after: Option<&Item>,
) -> Result<(TenantScope, Change), StoreError> {
    let key = Attributes::of(OPERATION, key);
    let (partition, sort) = (key.text(keys::PARTITION)?, key.text(keys::SORT)?);
    let (tenant_id, subject) =
        keys::subject(partition, sort).map_err(|_| key.unreadable(keys::PARTITION))?;
    let scope = TenantScope::new(tenant_id);
    let Some(after) = after.filter(|item| !item.contains_key(DELETED)) else {
        return Ok((scope, Change::Nothing));
    };
    let contact = |item| ContactRecord::read(OPERATION, item);
    let change = match subject {
        Some(Subject::Resource(resource)) => of_resource(resource, before, after)?,
        Some(Subject::Contact) => Change::Contact(Box::new(ContactChange {
            before: before.map(contact).transpose()?,
            after: contact(after)?,
        })),
        // It is written once and published once.
        Some(Subject::Event(id)) if before.is_none() => Change::Event(event(&scope, id, after)?),
        Some(Subject::Event(_)) | None => Change::Nothing,
    };
    Ok((scope, change))
}

fn of_resource(
    resource: Resource,
    before: Option<&Item>,
    after: &Item,
) -> Result<Change, StoreError> {
    let history = |item| activity::history_of(OPERATION, &resource, item);
    let before = before.map_or_else(|| Ok(History::default()), history)?;
    let after = history(after)?;
    if before == after {
        return Ok(Change::Nothing);
    }
    Ok(Change::Resource(ResourceChange {
        before,
        after,
        resource,
    }))
}

fn event(scope: &TenantScope, id: String, item: &Item) -> Result<Event, StoreError> {
    let attributes = Attributes::of(OPERATION, item);
    let data = RawValue::from_string(attributes.text("data")?.to_owned());
    Ok(Event::stored(
        scope,
        id,
        attributes.text("type")?.to_owned(),
        attributes.time("at")?,
        data.map_err(|_| attributes.unreadable("data"))?,
    ))
}
