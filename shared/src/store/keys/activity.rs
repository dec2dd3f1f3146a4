//! The keys of the Activity table and its indexes, and what one of them is about.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::{Key, partition};
use crate::activity::{CONTACTS, Group, Resource};
use crate::tenant::{TenantId, TenantScope};

/// The kind of events that wait to be published, as keys and their list by time name it.
pub(in crate::store) const EVENT: &str = "event";

/// A call leg, message or recording. Its own partition: writes spread however large the tenant.
pub(in crate::store) fn resource(scope: &TenantScope, resource: &Resource) -> Key {
    Key {
        partition: format!(
            "{}#{}",
            partition(scope.tenant_id(), resource.kind()),
            resource.sid()
        ),
        sort: resource.kind().to_owned(),
    }
}

/// An event that waits to be published.
pub(in crate::store) fn event(scope: &TenantScope, id: &str) -> Key {
    Key {
        partition: format!("{}#{id}", partition(scope.tenant_id(), EVENT)),
        sort: EVENT.to_owned(),
    }
}

/// An address at the other end of messages and calls.
pub(in crate::store) fn contact(scope: &TenantScope, address: &str) -> Key {
    Key {
        partition: format!(
            "{}#{}",
            partition(scope.tenant_id(), CONTACTS),
            bounded(address)
        ),
        sort: CONTACTS.to_owned(),
    }
}

/// The partition of the `by_group` index that lists a tenant's conversations: its contact items with messages.
pub(in crate::store) fn conversations(scope: &TenantScope) -> String {
    format!("{}#0", partition(scope.tenant_id(), "conversations"))
}

/// What the name of the attribute of a contact item begins with that says whether it opted out of a sender.
pub(in crate::store) const OPT_OUT: &str = "opt_out:";

/// The attribute of a contact item that says whether it opted out of one of the tenant's senders.
pub(in crate::store) fn opt_out_of(sender: &str) -> String {
    format!("{OPT_OUT}{}", bounded(sender))
}

/// The attribute of a contact item that names the message whose word on one of the tenant's senders the kept one replaced.
pub(in crate::store) fn replaced_opt_out_of(sender: &str) -> String {
    format!("replaced_opt_out:{}", bounded(sender))
}

/// The attribute of a contact item that says what one of the tenant's senders last answered by itself.
pub(in crate::store) fn auto_reply_of(sender: &str) -> String {
    format!("auto_reply:{}", bounded(sender))
}

/// The partition of the `by_time` index that lists a kind of a tenant's resources.
///
/// The last part numbers a shard. One takes 1,000 new resources a second; a reader of more merges them by time.
pub(in crate::store) fn by_time(scope: &TenantScope, kind: &str) -> String {
    format!("{}#0", partition(scope.tenant_id(), kind))
}

/// The partition of the `by_group` index that lists a group.
pub(in crate::store) fn by_group(scope: &TenantScope, group: &Group) -> String {
    match group {
        Group::Conversation(contact) => {
            let contact = bounded(contact);
            format!("{}#{contact}", partition(scope.tenant_id(), "conversation"))
        }
        Group::Call(call) => format!("{}#{call}", partition(scope.tenant_id(), "call")),
    }
}

/// The bytes that a contact may have in a key. DynamoDB refuses the whole write when an index's partition key has more than
/// 2,048; the longest contacts are WhatsApp's, with about 150.
pub(super) const LONGEST_CONTACT: usize = 512;

/// What an item of the Activity table is about, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Subject {
    /// A call leg, message or recording.
    Resource(Resource),
    /// Somebody at the other end.
    Contact,
    /// An event that waits to be published, by its id.
    Event(String),
}

/// A key of the Activity table that nothing here built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct ForeignKey;

/// The tenant and the subject of an item of the Activity table. No subject, when it is of a kind that this version does not
/// know; a key that is none of a tenant's, or names no resource of its kind, is foreign.
pub(in crate::store) fn subject(
    partition: &str,
    sort: &str,
) -> Result<(TenantId, Option<Subject>), ForeignKey> {
    let (tenant_id, rest) = partition.split_once('#').ok_or(ForeignKey)?;
    let tenant_id: TenantId = tenant_id.parse().map_err(|_| ForeignKey)?;
    let (kind, name) = rest.split_once('#').unwrap_or((rest, ""));
    let resource = match kind {
        "message" => name.parse().ok().map(Resource::Message),
        "call" => name.parse().ok().map(Resource::Call),
        "recording" => name.parse().ok().map(Resource::Recording),
        _ => {
            let subject = match kind {
                CONTACTS => Some(Subject::Contact),
                EVENT => Some(Subject::Event(name.to_owned())),
                _ => None,
            };
            return Ok((tenant_id, subject.filter(|_| sort == kind)));
        }
    };
    let resource = resource.map(Subject::Resource).ok_or(ForeignKey)?;
    Ok((tenant_id, Some(resource).filter(|_| sort == kind)))
}

/// A contact as keys name it: a longer one by the SHA-256 of it, so that any has a key, and always the same.
fn bounded(contact: &str) -> Cow<'_, str> {
    if contact.len() <= LONGEST_CONTACT {
        return contact.into();
    }
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(contact));
    format!("sha256:{digest}").into()
}
