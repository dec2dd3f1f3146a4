//! What is told of contacts.

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, EventType};
use crate::activity::Channel;
use crate::clock::rfc3339;
use crate::contacts::{Contact, channel_of};
use crate::stream::ContactChange;
use crate::tenant::TenantScope;

/// That somebody wants no more messages of a sender, or wants them again.
#[derive(Serialize)]
struct OptOutChange<'c> {
    contact: &'c str,
    channel: Channel,
    sender: &'c str,
    opted_out: bool,
    message_sid: &'c str,
    #[serde(serialize_with = "crate::clock::serialize")]
    changed_at: Timestamp,
}

/// A contact is told of when it is first heard *from*, and an opt-out whenever it is another for a sender. Whoever never opted
/// out is not out: a first START changes nothing.
pub(super) fn events(
    scope: &TenantScope,
    change: &ContactChange,
) -> Result<Vec<Event>, serde_json::Error> {
    let (before, after) = (change.before.as_ref(), &change.after);
    let (address, channel) = (after.address.as_str(), channel_of(&after.address));
    let mut events = Vec::new();
    // One that expired and comes back is another, whether DynamoDB deleted the first by then or not.
    let was_there = |since: Timestamp| {
        before.is_some_and(|before| before.since.is_some() && !before.has_expired(since))
    };
    if let Some(contact) = Contact::of(after).filter(|contact| !was_there(contact.first_seen_at)) {
        let since = contact.first_seen_at;
        let (event_type, moment) = (EventType::ContactCreated, rfc3339(since));
        let told = [address, &moment];
        events.push(Event::new(scope, event_type, &told, since, &contact)?);
    }
    for (sender, opt_out) in &after.opt_outs {
        let known = before.and_then(|before| before.opt_outs.get(sender));
        if known.is_some_and(|known| known.stopped) == opt_out.stopped {
            continue;
        }
        let data = OptOutChange {
            contact: address,
            channel,
            sender,
            opted_out: opt_out.stopped,
            message_sid: opt_out.sid.as_str(),
            changed_at: opt_out.at,
        };
        // One message makes one change.
        let told = [address, sender, opt_out.sid.as_str()];
        let (event_type, time) = (EventType::OptOutChanged, opt_out.at);
        events.push(Event::new(scope, event_type, &told, time, &data)?);
    }
    Ok(events)
}
