//! The client API: who calls, what they may, and how they are answered.

pub mod access;
mod answer;
mod call;
mod caller;
mod preconditions;
mod problem;
mod role;
mod service;
mod tenant_hosts;

pub use access::{Access, Operation, ROUTES};
pub use answer::json;
pub use call::{Call, Page};
pub use caller::Caller;
pub use preconditions::{Precondition, etag};
pub use problem::{Code, Problem};
pub use role::Role;
pub use service::{BODY_LIMIT, Foundation, run};
