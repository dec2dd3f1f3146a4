//! What is kept in DynamoDB, and by which keys: `docs/data.md` lists every access with its cost.

mod activity;
mod applications;
mod assignments;
mod audit;
mod batch;
mod change;
mod contacts;
mod deleted;
mod deletion;
mod directory;
mod due;
mod error;
mod holdings;
pub(crate) mod images;
mod inspections;
mod integrations;
mod item;
mod keys;
mod limits;
mod listings;
mod minutes;
mod outbox;
mod own_number;
mod page;
mod phone_numbers;
mod platform;
mod profiles;
mod re_encryption;
mod recordings;
mod registry;
mod routes;
mod runs;
mod settings;
mod subaccounts;
mod subdomains;
mod sweep;
mod tables;
mod tenants;
mod transaction;

pub use activity::Activity;
pub use applications::{
    ApplicationMemory, Lease, Leasing, RememberedApplication, StoredApplication,
};
pub use audit::{Audit, AuditRecord};
pub use change::{Displaced, WriteConflict, WriteError};
pub use contacts::{ContactItems, ContactRecord, LastMessage, OptOutState, ReplyTurn};
pub use deletion::Deletions;
pub use directory::Directory;
pub use due::{Due, DueWork, Work};
pub use error::StoreError;
pub use holdings::QUARANTINE_SECONDS;
pub use inspections::{Inspections, TenantConnections};
pub use integrations::{
    Expected, IntegrationRecord, Integrations, NewIntegration, OwnCheck, Repeat, RotationStep,
    Stored,
};
pub use limits::{Counted, Limits};
pub(crate) use limits::{NOTICE_MINUTES, Take};
pub use listings::{Conversation, Filter, Interval, Listed, Listings, RecordedCall};
pub use minutes::Minutes;
pub use page::Page;
pub use phone_numbers::{NumberState, OwnNumbers, PhoneNumberItems, StoredNumber, SyncCounts};
pub use platform::PlatformItems;
pub use profiles::{PendingDeletion, Profiles, StoredProfile};
pub use re_encryption::{Progress, Quarantined, ReEncryptionItems, Sealed, SealedBy};
pub use recordings::{KeptRecording, KnownRecording, RecordingDeletions};
pub use registry::{NewProfile, ProfileChanges, Registry};
pub use routes::{AccountRoute, Routes};
pub(crate) use runs::owner;
pub use runs::{Leased, RunState, Runs};
pub use settings::{StoredSettings, TenantSettings};
pub use subaccounts::SubaccountMemory;
pub use subdomains::Subdomains;
pub use tables::{TableNames, table_name};
pub use tenants::{TenantRecord, Tenants};
