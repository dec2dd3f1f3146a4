//! What the Lambda functions of Trunkline share.
//!
//! Functions never call DynamoDB, KMS, SQS or Twilio themselves: they ask a type of this crate.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test that fails here should fail"
    )
)]

pub mod activity;
pub mod address;
pub mod api;
pub mod applications;
pub mod audit;
pub mod aws;
pub mod cache;
pub mod clock;
pub mod connections;
pub mod contacts;
pub mod country;
pub mod credentials;
pub mod deferred;
pub mod drift;
pub mod environment;
pub mod events;
pub mod fault;
pub mod http;
pub mod identity;
pub mod input;
pub mod integrations;
pub mod lambda;
mod length_prefix;
pub mod media;
pub mod onboarding;
pub mod outbound;
pub mod phone_numbers;
pub mod platform;
pub mod rate_limit;
pub mod re_encryption;
pub mod secret;
pub mod sid;
pub mod store;
pub mod stream;
pub mod subaccounts;
pub mod telemetry;
pub mod tenant;
pub mod tenants;
pub mod tokens;
pub mod twilio;
pub mod vault;
pub mod verification;
pub mod verifier;
pub mod webhook;
