//! IAM: who calls, and whether the policies of the template allow it.
//!
//! [`Policy`] and what it is made of judge calls and know nothing of the stack. [`Access`] is what the emulators ask: it holds
//! the roles' policies, the sessions with their credentials, and a record of which permissions were used.

mod access;
mod condition;
mod context;
mod credentials;
mod decision;
mod key;
mod part;
mod pattern;
mod policy;
mod principal;
mod rules;
mod session;
mod signature;
mod usage;

#[cfg(test)]
mod tests;

pub(crate) use access::NewSession;
pub use access::{Access, Delegate};
pub use condition::{Condition, Operator, Quantifier, read_operator};
pub use context::{Context, Subject};
pub use credentials::Credentials;
pub use decision::{Denial, Reason, ResourcePolicy, decide};
pub use key::{
    ConditionKey, ENCRYPTION_CONTEXT, ENCRYPTION_CONTEXT_KEYS, EVENT_DETAIL_TYPE, EVENT_SOURCE,
    LEADING_KEYS, REQUEST_TAG, ROLE_SESSION_NAME, TAG_KEYS, TRANSITIVE_TAG_KEYS,
};
pub use part::Part;
pub use pattern::{ArnPattern, Pattern};
pub use policy::{ActionPattern, Effect, Match, Policy, Request, Statement, Verdict};
pub use principal::{Principal, PrincipalPattern, Reach, RoleSession};
pub use rules::{RoleRules, Rules};
pub use session::{Caller, Refusal};
pub use signature::{SignedRequest, sign};
pub use usage::Use;
