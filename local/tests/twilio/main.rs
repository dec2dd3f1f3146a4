//! The double of Twilio against a server with scripted answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here should fail"
)]

mod calls;
mod command_line;
mod delivery;
mod server;
mod voicemails;
