//! End-to-end tests: the real function binaries, on a local stack, called as Twilio calls them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here should fail"
)]

mod auto_replies;
mod browser_calls;
mod call_stories;
mod calls;
mod client_api;
mod command_line;
mod configuration;
mod contacts;
mod convergence;
mod conversations;
mod costs;
mod deferral;
mod due_work;
mod duplicates;
mod events;
mod fallbacks;
mod flood_isolation;
mod handover;
mod harness;
mod iam;
mod integration_store;
mod killed_functions;
mod load;
mod measured;
mod message_statuses;
mod messages;
mod metrics;
mod openapi;
mod opt_outs;
mod outages;
mod platform_secret;
mod properties;
mod published_events;
mod rate_limits_store;
mod re_encryption;
mod refusals;
mod remembered;
mod rotation;
mod secrets;
mod signing_keys;
mod storing;
mod strangers;
mod template_facts;
mod tenant_deletion;
mod tenant_list;
mod tenant_store;
mod throttling;
mod traffic;
mod unverified_floods;
mod verifier;
mod voicemails;
mod webhook_limits;
mod webhook_process;
mod whatsapp;
