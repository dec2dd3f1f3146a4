//! Two functions and two consumers of the stream, on stores where nobody else keeps contacts.

use local::console::Console;
use serde_json::json;
use shared::clock::Clock;
use shared::contacts::Contacts;
use shared::onboarding::NewTenant;
use shared::store::{ContactItems, Listings};
use shared::tenant::TenantScope;
use tokio::sync::OnceCell;

use crate::harness::Harness;

/// Everything is opened once: its connections live in the one runtime of the one property that uses it.
pub(super) struct World {
    pub(super) consoles: [Console; 2],
    pub(super) consumers: [Contacts; 2],
    pub(super) listings: Listings,
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
            contacts: [contacts(), contacts()],
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
