//! End-to-end tests: the real function binaries, on a local stack, called as Twilio calls them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here should fail"
)]

mod command_line;
mod convergence;
mod handover;
mod harness;
mod messages;
mod properties;
mod strangers;
mod template_facts;
