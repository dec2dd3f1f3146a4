//! What is kept in DynamoDB, and by which keys: `docs/data.md` lists every access with its cost.

mod activity;
mod audit;
mod batch;
mod deleted;
mod deletion;
mod directory;
mod error;
mod item;
mod keys;
mod page;
mod profiles;
mod registry;
mod routes;
mod subdomains;
mod sweep;
mod tables;
mod tenants;
mod transaction;

pub use activity::Activity;
pub use audit::{Audit, AuditRecord};
pub use deletion::Deletions;
pub use directory::Directory;
pub use error::StoreError;
pub use page::Page;
pub use profiles::{PendingDeletion, Profiles, StoredProfile};
pub use registry::{NewProfile, ProfileChanges, Registry};
pub use routes::{AccountRoute, QUARANTINE_SECONDS, Routes};
pub use subdomains::Subdomains;
pub use tables::{TableNames, table_name};
pub use tenants::{Integration, NewIntegration, TenantRecord, Tenants};
