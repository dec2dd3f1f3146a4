//! The parameters that Twilio sends, by event.
//!
//! Every builder gives exactly what Twilio is known to send; what a test wants otherwise it changes in the
//! [`Parameters`](super::parameters::Parameters) afterwards.

mod call;
mod dial_result;
mod message;
mod message_status;
mod recording;
mod whatsapp;

pub use call::{CallLeg, CallProgress, CallStatus, Direction};
pub use dial_result::DialResult;
pub use message::{InboundMessage, Media, OptOut};
pub use message_status::{Channel, MessageStatusCallback};
pub use recording::{Recording, RecordingSource, RecordingStatus, Transcription};
pub use whatsapp::{InboundWhatsapp, Referral, RepliedMessage, WhatsappContent, WhatsappUser};

/// The version of the API in every webhook.
pub(crate) const API_VERSION: &str = "2010-04-01";

/// RFC 2822 in GMT, as in `Timestamp` and `RecordingStartTime`.
pub(crate) fn rfc2822(time: jiff::Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The URL at which Twilio keeps a resource of an account.
pub(crate) fn resource_url(account: &shared::sid::AccountSid, resource: &str, sid: &str) -> String {
    format!("https://api.twilio.com/{API_VERSION}/Accounts/{account}/{resource}/{sid}")
}
