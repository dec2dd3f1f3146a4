//! What one write to a resource changed.

use super::{History, Resource};

/// A resource before and after a write: the stream's view of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// What was written to.
    pub resource: Resource,
    /// Its facts before; none, when it is new.
    pub before: History,
    /// Its facts after.
    pub after: History,
}
