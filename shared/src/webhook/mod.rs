//! The path of every Twilio webhook: parse just enough, resolve, verify, one write, answer.

mod accounts;
mod answer;
mod fallback;
mod kinds;
mod messages;
mod rate;
mod refusal;
mod service;
mod stops;
mod unverified;
mod verified;

pub use answer::Answer;
pub use fallback::fallback;
pub use kinds::{DialResult, InboundMessage, IncomingCall, Notification, Voicemail};
pub use refusal::Refusal;
pub use service::{BODY_LIMIT, Webhooks};
pub use verified::{Verified, WebhookKind};
