//! Two functions and two consumers of the stream, on stores where nobody else keeps contacts.

use local::console::Console;
use local::emulators::StreamHandle;
use serde_json::json;
use shared::activity::ResourceChange;
use shared::clock::Clock;
use shared::contacts::Contacts;
use shared::onboarding::NewTenant;
use shared::store::{ContactItems, Listings};
use shared::stream::{Change, RawRecord, StreamRecord};
use shared::tenant::TenantScope;
use tokio::sync::OnceCell;

use crate::harness::Harness;

/// Everything is opened once: its connections live in the one runtime of the one property that uses it.
pub(super) struct World {
    pub(super) consoles: [Console; 2],
    pub(super) consumers: [Contacts; 2],
    pub(super) listings: Listings,
    /// The table's stream, which feeds no function here.
    pub(super) stream: StreamHandle,
    contacts: [ContactItems; 2],
}

impl World {
    pub(super) async fn get() -> &'static Self {
        static WORLD: OnceCell<World> = OnceCell::const_new();
        WORLD.get_or_init(Self::open).await
    }

    async fn open() -> Self {
        let harness = Harness::quiet().await;
        let activity = || harness.variable("ACTIVITY_TABLE").to_owned();
        let consumer = || {
            let tenants = harness.variable("TENANTS_TABLE").to_owned();
            Contacts::new(&harness.dynamodb(), activity(), tenants, 0, Clock::system())
        };
        let contacts = || ContactItems::new(harness.dynamodb(), activity(), 0);
        Self {
            consoles: [harness.console(), harness.console()],
            consumers: [consumer(), consumer()],
            listings: Listings::new(harness.dynamodb(), activity(), Clock::system()),
            stream: harness.stream(),
            contacts: [contacts(), contacts()],
        }
    }

    /// What the stream tells of a tenant's resources after a record, in the order of the writes.
    pub(super) async fn changes(
        &self,
        scope: &TenantScope,
        after: Option<String>,
    ) -> Vec<ResourceChange> {
        let (mut changes, mut after) = (Vec::new(), after);
        loop {
            let records = self.stream.records(after.as_deref(), 1_000).await.unwrap();
            let Some(last) = records.last() else {
                return changes;
            };
            after = Some(last.sequence_number.clone());
            for record in records {
                let record: RawRecord = serde_json::from_value(record.document).unwrap();
                let Ok(record) = StreamRecord::read(&record) else {
                    // Another test's.
                    continue;
                };
                // A write that changes nothing may be told by the emulator, but not by DynamoDB.
                match record.change {
                    Change::Resource(change)
                        if record.scope == *scope && change.before != change.after =>
                    {
                        changes.push(change);
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn contact_items(&self, function: usize) -> &ContactItems {
        &self.contacts[function]
    }

    /// A new tenant.
    pub(super) async fn tenant(&self) -> TenantScope {
        let document = Harness::document(json!({}));
        let tenant: NewTenant = serde_json::from_value(document).unwrap();
        self.consoles[0].store(&tenant).await.unwrap();
        self.consoles[0].scope(&tenant.tenant_id)
    }
}
