//! The local stack: everything the functions need, in one process on loopback.

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

pub mod binaries;
pub mod cli;
pub mod console;
pub mod control;
pub mod deployment;
pub mod double;
pub mod emulators;
pub mod front;
pub mod http_client;
pub mod iam;
pub mod issuer;
pub mod lambda;
pub mod logs;
pub mod loopback;

pub mod providers;
pub mod running;
pub mod schedules;
pub mod sources;
pub mod stack;
pub mod template;
pub mod twilio;
