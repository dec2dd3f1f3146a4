//! What a write to the Activity table changed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::activity::ResourceChange;
use crate::events::Event;

/// What one write changed, as far as anybody acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Facts about a call leg, a message or a recording came.
    Resource(ResourceChange),
    /// What is known of a contact.
    Contact(ContactChange),
    /// An event was written down to be published.
    Event(Event),
    /// Nothing that anybody acts on: a mark that a message is counted, what was deleted, a kind of item that is not known.
    Nothing,
}

/// A contact before and after a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactChange {
    /// What was known; absent, when nothing was.
    pub before: Option<ContactImage>,
    /// What is known.
    pub after: ContactImage,
}

/// What is known of somebody at the other end, as far as it is told.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactImage {
    /// The address as Twilio writes it.
    pub address: String,
    /// When it was first heard from; absent, while the tenant only wrote to it.
    pub since: Option<Timestamp>,
    /// The name that it gives itself.
    pub profile_name: Option<String>,
    /// When the last message came or went.
    pub last_message_at: Option<Timestamp>,
    /// By sender, whether it wants no more of its messages.
    pub opt_outs: BTreeMap<String, OptOutImage>,
}

/// Whom somebody calls themselves by is not for logs.
impl std::fmt::Debug for ContactImage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ContactImage")
            .field("since", &self.since)
            .field("opt_outs", &self.opt_outs)
            .finish_non_exhaustive()
    }
}

/// The last word about one sender's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOutImage {
    /// Whether they are not wanted.
    pub stopped: bool,
    /// When that was said.
    pub at: Timestamp,
    /// The message that said it.
    pub sid: String,
}
