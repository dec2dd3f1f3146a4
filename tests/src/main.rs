//! End-to-end tests: the real function binaries, on a local stack, called as Twilio calls them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here should fail"
)]

mod browser_calls;
mod calls;
mod duplicates;
mod events;
mod fallbacks;
mod harness;
mod message_statuses;
mod messages;
mod secrets;
mod traffic;
mod voicemails;
mod whatsapp;
