//! Who a tenant has to do with: the addresses that wrote or called, what they want to receive, and what was said.
//!
//! A contact is derived from messages and calls after they were kept, from the Activity table's stream, so that a webhook costs no
//! more for it. Only what the very next message depends on, an opt-out, is written by the webhook itself as well.

mod document;
mod opt_out;
mod sighting;
mod stream;

pub use document::{Contact, channel_of};
pub(crate) use opt_out::sender;
pub use opt_out::{OptOut, OptOutChange};
pub use sighting::{Sighting, is_somebody};
pub use stream::{Contacts, NotKept};
