//! What each function does, in every way that takes permissions of its own.

pub(super) mod credentials;
pub(super) mod deferred_writer;
pub(super) mod messaging;
pub(super) mod publisher;
pub(super) mod re_encryptor;
pub(super) mod tenants;
pub(super) mod token;
pub(super) mod verifier;
pub(super) mod webhooks;

use std::time::Duration;

/// How long is waited for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
