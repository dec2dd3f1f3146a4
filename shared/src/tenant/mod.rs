//! Tenants: who they are, what they set, and the proof that a request may act for one.

mod id;
mod minute;
mod profile;
mod provider;
mod scope;
mod settings;
mod subaccount;
mod subdomain;

pub use id::{InvalidTenantId, TenantId};
pub use minute::Minute;
pub use profile::{TenantProfile, TenantStatus};
pub use provider::{Provider, UnknownProvider};
pub use scope::{Operator, TenantScope};
pub use settings::{BusinessHours, Day, Drift, InboundRoute, OpeningHours, Settings};
pub use subaccount::{Subaccount, SubaccountStatus};
pub use subdomain::{InvalidSubdomain, Subdomain};
