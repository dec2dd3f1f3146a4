//! What the functions did at DynamoDB, as it arrived there.

use local::emulators::wire::{Calls, Mark};

use crate::harness::Harness;

/// The calls about one tenant alone. A list of tenants, which any test may ask for, reads the profiles of all.
pub(super) fn calls_about(harness: &Harness, tenant: &str, since: Mark) -> Calls {
    let calls = harness.stack.emulators().dynamodb().wire().since(since);
    let calls = calls.partition(&format!("{tenant}#"));
    calls.filter(|call| call.operation != "BatchGetItem")
}
