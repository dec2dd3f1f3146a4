//! What is kept in DynamoDB, and by which keys: `docs/data.md` lists every access with its cost.

mod activity;
mod error;
mod item;
mod keys;
mod limits;
mod platform;
mod routes;
mod tables;
mod tenants;

pub use activity::Activity;
pub use error::StoreError;
pub(crate) use limits::Take;
pub use limits::{Counted, Limits};
pub use platform::PlatformItems;
pub use routes::{AccountRoute, QUARANTINE_SECONDS, Routes};
pub use tables::{TableNames, table_name};
pub use tenants::{Integration, NewIntegration, TenantRecord, Tenants};
