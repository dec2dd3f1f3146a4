//! What a write to the Activity table changed.

use crate::activity::ResourceChange;
use crate::events::Event;
use crate::store::ContactRecord;

/// What one write changed, as far as anybody acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Facts about a call leg, a message or a recording came.
    Resource(ResourceChange),
    /// What is known of a contact.
    Contact(Box<ContactChange>),
    /// An event was written down to be published.
    Event(Event),
    /// Nothing that anybody acts on: a mark that a message is counted, what was deleted, a kind of item that is not known.
    Nothing,
}

/// A contact before and after a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactChange {
    /// What was known; absent, when nothing was.
    pub before: Option<ContactRecord>,
    /// What is known.
    pub after: ContactRecord,
}
