//! The form that all events have.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::length_prefix::length_prefixed;
use crate::tenant::{TenantId, TenantScope};

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What an event tells of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($(#[$doc])* $variant,)+
        }

        impl EventType {
            /// Every type.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in events, on the bus and of the schema's file.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

event_types! {
    /// Somebody wrote to the tenant.
    MessageReceived = "message.received",
    /// A message of the tenant's is on its way, arrived or failed.
    MessageStatus = "message.status",
    /// A call was first heard of.
    CallStarted = "call.started",
    /// A call is over.
    CallEnded = "call.ended",
    /// A recording or voicemail can be played.
    RecordingReady = "recording.ready",
    /// Somebody got in touch with the tenant for the first time.
    ContactCreated = "contact.created",
    /// A contact wants no more messages of a sender, or wants them again.
    OptOutChanged = "opt_out.changed",
    /// Credentials are not used any more, since they do not work or are not the tenant's.
    CredentialFailed = "credential.failed",
    /// Credentials that had failed are used again.
    CredentialRecovered = "credential.recovered",
}

/// The version of the forms. It changes when a field goes or means something else; fields are added without.
const VERSION: u32 = 1;

/// One event, as it is on the bus and in the queue of those that the bus did not take.
///
/// Type and data are kept as they are read, so that a version of the functions hands on what a later one left in the queue.
#[derive(Clone, Serialize, Deserialize)]
pub struct Event {
    /// The same for every delivery of the same event, and for no other.
    pub id: String,
    /// [`EventType::as_str`].
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of the data's form.
    pub version: u32,
    /// Whose event it is.
    pub tenant_id: TenantId,
    /// When it came about.
    #[serde(serialize_with = "crate::clock::serialize")]
    pub time: Timestamp,
    /// What is told, in the JSON of the client API.
    pub data: Box<RawValue>,
}

/// Why an event can never be published.
#[derive(Debug, thiserror::Error)]
pub enum Unpublishable {
    /// It has more bytes than [`Event::MOST_BYTES`].
    #[error("its event is larger than the event bus takes")]
    TooLarge,
    /// It cannot be written as JSON, to which only a defect leads.
    #[error("its event cannot be written as JSON")]
    Unwritable(#[from] serde_json::Error),
}

/// People's words are in the data: it is not shown.
impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("tenant_id", &self.tenant_id)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        let text = |event: &Self| event.data.get().to_owned();
        (&self.id, &self.event_type, self.version) == (&other.id, &other.event_type, other.version)
            && (&self.tenant_id, self.time) == (&other.tenant_id, other.time)
            && text(self) == text(other)
    }
}

impl Eq for Event {}

impl Event {
    /// The most bytes that an event may have as JSON, so that both the bus and a queue take it: 256 KB each, of which some are
    /// left for what they count beside it.
    /// Source: "Amazon EventBridge quotas", Amazon EventBridge User Guide.
    pub const MOST_BYTES: usize = 240 * 1024;

    /// An event about something. `told` names what it is about and which of its changes: the id is made of it, of the tenant and
    /// of the type, so that no two changes may have the same.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub(super) fn new(
        scope: &TenantScope,
        event_type: EventType,
        told: &[&str],
        time: Timestamp,
        data: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let mut digest = Sha256::new();
        let subject = [scope.tenant_id().as_str(), event_type.as_str()];
        length_prefixed(subject.iter().chain(told), |bytes| digest.update(bytes));
        let digest = digest.finalize();
        Ok(Self::stored(
            scope,
            URL_SAFE_NO_PAD.encode(digest.get(..18).unwrap_or_default()),
            event_type.as_str().to_owned(),
            time,
            serde_json::value::to_raw_value(data)?,
        ))
    }

    /// An event that was written down with its id when it came about.
    pub(crate) fn stored(
        scope: &TenantScope,
        id: String,
        event_type: String,
        time: Timestamp,
        data: Box<RawValue>,
    ) -> Self {
        Self {
            id,
            event_type,
            version: VERSION,
            tenant_id: scope.tenant_id().clone(),
            time,
            data,
        }
    }

    /// The whole event as JSON.
    ///
    /// # Errors
    /// None in practice: every part of it is JSON already.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
