//! The client API: who calls, what they may, and how they are answered.

pub mod access;
mod admission;
mod answer;
mod call;
mod caller;
mod paging;
mod preconditions;
mod problem;
mod query;
mod refusals;
mod role;
mod service;
mod tenant_hosts;

pub use access::{Access, Operation, ROUTES};
pub use admission::{Admission, served};
pub use answer::json;
pub use call::{Call, Page};
pub use caller::Caller;
pub use paging::Paging;
pub(crate) use paging::platform_secrets;
pub use problem::{Code, Problem};
pub use query::{Filters, Query};
pub use role::Role;
pub use service::{BODY_LIMIT, Foundation, run};
