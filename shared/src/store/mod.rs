//! What is kept in DynamoDB, and by which keys: `docs/data.md` lists every access with its cost.

mod activity;
mod applications;
mod assignments;
mod audit;
mod change;
mod error;
mod integrations;
mod item;
mod keys;
mod profiles;
mod limits;
mod platform;
mod routes;
mod settings;
mod tables;
mod tenants;

pub use activity::Activity;
pub use applications::{ApplicationMemory, Lease, Leasing, StoredApplication};
pub use change::{WriteConflict, WriteError};
pub use error::StoreError;
pub use integrations::{Expected, IntegrationRecord, Integrations, NewIntegration};
pub(crate) use limits::Take;
pub use limits::{Counted, Limits};
pub use platform::PlatformItems;
pub use routes::{AccountRoute, QUARANTINE_SECONDS, Routes};
pub use settings::{StoredSettings, TenantSettings};
pub use tables::{TableNames, table_name};
pub use tenants::{Integration, TenantRecord, Tenants};
