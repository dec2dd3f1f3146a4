//! What happened: calls, messages and recordings, each the sum of the facts that arrived about it.
//!
//! Twilio delivers callbacks twice, late and in any order. So nothing is ever overwritten: every callback is a fact, a
//! resource is the set of its facts, and its state is derived from that set by one total order over statuses. Any
//! permutation or duplication of the same callbacks is the same set, and so the same state.

mod call;
mod change;
mod fact;
mod kept;
mod message;
mod recording;
mod resource;
mod route;
#[cfg(test)]
mod tests;

pub use call::{Call, CallStatus};
pub use change::ResourceChange;
pub use fact::{Fact, History};
pub use message::{
    Button, Channel, Degrees, Direction, ListReply, Location, Media, Message, MessageStatus,
    Referral, media_url,
};
pub use recording::{Recording, RecordingKind, RecordingStatus};
pub(crate) use resource::{ADDRESSEES, CONTACTS, DELETED, LISTINGS};
pub use resource::{Group, MalformedWebhook, Resource};
pub use route::Route;
