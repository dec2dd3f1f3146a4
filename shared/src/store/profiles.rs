//! The profile of a tenant: who it is, whether it is served, and what of its deletion is known.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    ConditionCheck, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use jiff::Timestamp;

use super::error::unless_conflict;
use super::item::{Attributes, Item, number, text, time};
use super::routes::incomplete;
use super::{Expected, StoreError, keys};
use crate::tenant::{Subaccount, TenantProfile, TenantScope, TenantStatus};
use crate::tenants::TenantError;

/// The attribute that tells of a tenant's subaccount, as JSON.
pub(super) const SUBACCOUNT: &str = "subaccount";

/// The profiles, in the Tenants table.
#[derive(Clone)]
pub struct Profiles {
    client: Client,
    table: String,
}

/// A profile as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProfile {
    /// The profile.
    pub profile: TenantProfile,
    /// Counts the writes; the condition of the next one. 0 for what was stored before they were counted.
    pub version: u64,
    /// What is known of its deletion, once somebody asked for it.
    pub deletion: Option<PendingDeletion>,
    /// The subaccount that it was or is to be given, if it has no account of its own.
    pub subaccount: Option<Subaccount>,
}

impl StoredProfile {
    /// Refuses a change that is meant for another version than this.
    pub(super) fn meets(&self, expected: Expected) -> Result<(), TenantError> {
        let met = expected.met_by(Some(self.version));
        met.map(drop).map_err(|_| TenantError::VersionMismatch)
    }
}

/// A deletion that is not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDeletion {
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Who asked: [`Actor::name`](crate::audit::Actor::name).
    pub requested_by: String,
    /// Until when a warm function may still serve the tenant; nothing, when none ever could.
    pub last_served_until: Option<Timestamp>,
}

impl Profiles {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A tenant's profile; `None` when there is no such tenant. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn read(&self, scope: &TenantScope) -> Result<Option<StoredProfile>, StoreError> {
        const OPERATION: &str = "read a profile";
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(keys::profile(scope).into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        let item = output.item.as_ref();
        item.map(|item| stored(OPERATION, item)).transpose()
    }

    /// Makes sure of the profile under which the platform keeps the credentials of its own Twilio account as a tenant does. It is
    /// suspended, so that nobody but operators gets anywhere with it: no token is issued and no webhook served. One conditional
    /// write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn make_platforms(&self, now: Timestamp) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(
                keys::profile(&TenantScope::platform()).into_attributes(),
            ))
            .item("name", text("The platform"))
            .item("status", text(TenantStatus::Suspended.as_str()))
            .item("created_at", time(now))
            .item("updated_at", time(now))
            .item("version", number(1))
            .condition_expression("attribute_not_exists(pk)");
        unless_conflict("make the platform's profile", put.send().await)
    }
}

/// Reads the item of a profile.
pub(super) fn stored(operation: &'static str, item: &Item) -> Result<StoredProfile, StoreError> {
    let unreadable = |attribute| StoreError::Unreadable {
        operation,
        attribute,
    };
    let attributes = Attributes::of(operation, item);
    let partition = attributes.text(keys::PARTITION)?;
    let subdomain = attributes.optional_text("subdomain");
    let has = |attribute: &str| item.contains_key(attribute);
    let deletion = has("deletion_requested_at").then(|| pending(attributes, item));
    Ok(StoredProfile {
        profile: TenantProfile {
            tenant_id: keys::tenant_of(partition).ok_or_else(|| unreadable(keys::PARTITION))?,
            name: attributes.text("name")?.to_owned(),
            status: status(operation, item)?,
            subdomain: subdomain
                .map(str::parse)
                .transpose()
                .map_err(|_| unreadable("subdomain"))?,
            created_at: attributes.time("created_at")?,
            updated_at: attributes.time("updated_at")?,
        },
        version: if has("version") {
            attributes.number("version")?
        } else {
            0
        },
        deletion: deletion.transpose()?,
        subaccount: has(SUBACCOUNT)
            .then(|| attributes.json(SUBACCOUNT))
            .transpose()?,
    })
}

fn pending(attributes: Attributes<'_>, item: &Item) -> Result<PendingDeletion, StoreError> {
    let served = item.contains_key("last_served_until");
    let served = served.then(|| attributes.time("last_served_until"));
    Ok(PendingDeletion {
        requested_at: attributes.time("deletion_requested_at")?,
        requested_by: attributes.text("deletion_requested_by")?.to_owned(),
        last_served_until: served.transpose()?,
    })
}

/// Reads the status in the item of a profile.
pub(super) fn status(operation: &'static str, item: &Item) -> Result<TenantStatus, StoreError> {
    match Attributes::of(operation, item).text("status")? {
        "active" => Ok(TenantStatus::Active),
        "suspended" => Ok(TenantStatus::Suspended),
        "deleting" => Ok(TenantStatus::Deleting),
        _ => Err(StoreError::Unreadable {
            operation,
            attribute: "status",
        }),
    }
}

/// Holds when the tenant exists and is not being deleted. It goes into every transaction that writes anything else into a
/// tenant's partition: what was written after the sweep would never be deleted. When it fails it gives the profile, if any.
pub(super) fn is_not_deleting(
    table: &str,
    scope: &TenantScope,
) -> Result<TransactWriteItem, StoreError> {
    let check = ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(keys::profile(scope).into_attributes()))
        .condition_expression("attribute_exists(pk) AND #status <> :deleting")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":deleting", text(TenantStatus::Deleting.as_str()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|_| incomplete("check that a tenant is not being deleted"))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::number;

    fn item(more: &[(&str, &str)]) -> Item {
        let attributes = [
            ("pk", "acme#tenant"),
            ("sk", "profile"),
            ("name", "Acme"),
            ("status", "active"),
            ("created_at", "2026-10-01T08:00:00.123Z"),
            ("updated_at", "2026-10-02T08:00:00.000Z"),
        ];
        let attributes = attributes.iter().chain(more);
        let attribute = |(name, value): &(&str, &str)| ((*name).to_owned(), text(*value));
        attributes.map(attribute).collect()
    }

    #[test]
    fn a_profile_that_was_stored_before_writes_were_counted_has_the_version_0() {
        let read = stored("read", &item(&[])).unwrap();
        assert_eq!(read.profile.tenant_id.as_str(), "acme");
        assert_eq!(
            (read.version, read.deletion, read.profile.subdomain),
            (0, None, None)
        );
        let mut counted = item(&[]);
        counted.insert("version".to_owned(), number(7));
        assert_eq!(stored("read", &counted).unwrap().version, 7);
    }

    #[test]
    fn a_deletion_tells_who_asked_when_and_until_when_the_tenant_may_still_be_served() {
        let asked = [
            ("status", "deleting"),
            ("deletion_requested_at", "2026-10-03T08:00:00.000Z"),
            ("deletion_requested_by", "user:root"),
        ];
        let served = ("last_served_until", "2026-10-03T08:16:00.000Z");
        let pending = |more: &[_]| stored("read", &item(more)).unwrap().deletion.unwrap();
        let never_served = pending(&asked);
        assert_eq!(never_served.requested_by, "user:root");
        assert_eq!(never_served.last_served_until, None);
        let served = pending(&[&asked[..], &[served]].concat());
        let until: Timestamp = "2026-10-03T08:16:00Z".parse().unwrap();
        assert_eq!(served.last_served_until, Some(until));
    }

    #[test]
    fn what_is_malformed_does_not_pass_for_absent() {
        let mut malformed = item(&[]);
        malformed.insert("version".to_owned(), text("7"));
        for item in [
            malformed,
            item(&[("subdomain", "-")]),
            item(&[("status", "gone")]),
            item(&[("pk", "acme#audit")]),
        ] {
            let error = stored("read", &item).unwrap_err();
            assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
        }
    }
}
