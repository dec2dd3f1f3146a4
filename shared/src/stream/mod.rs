//! What DynamoDB's stream tells of the Activity table, as Lambda delivers it.

mod attribute;
mod change;
mod letter;
mod record;
#[cfg(test)]
mod tests;

pub use change::{Change, ContactChange};
pub use letter::Letter;
pub use record::{Delivery, RawRecord, StreamRecord, UnreadableRecord};
