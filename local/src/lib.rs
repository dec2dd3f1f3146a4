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

pub mod emulators;
pub mod sources;
pub mod template;
