//! What the functions did, as it arrived at DynamoDB and at Twilio.

use std::time::Duration;

use local::double::Misbehaviour;
use local::emulators::faults::{FaultId, Matching, Times};
use local::emulators::wire::{Call, Calls, Mark};

use super::onboarding::Newcomer;
use crate::harness::Harness;

/// The calls about one tenant alone. A list of tenants, which any test may ask for, reads the profiles of all.
pub(super) fn calls_about(harness: &Harness, tenant: &str, since: Mark) -> Calls {
    let calls = harness.stack.emulators().dynamodb().wire().since(since);
    let calls = calls.partition(&format!("{tenant}#"));
    calls.filter(|call| call.operation != "BatchGetItem")
}

/// The first call of every check of credentials.
const FETCH: &str = "GET /2010-04-01/Accounts/{AC}.json";

/// Less than a function waits for Twilio before it asks the same again: of calls that are younger none repeats another.
const YOUNG: Duration = Duration::from_secs(5);

/// How long requests may take to reach Twilio: a function has no more for all its calls.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Twilio that keeps checks of one account's credentials waiting.
pub(super) struct Held<'h> {
    harness: &'h Harness,
    account: String,
    since: Mark,
    fault: FaultId,
}

impl<'h> Held<'h> {
    /// Keeps the checks waiting from now on.
    pub(super) fn at(harness: &'h Harness, newcomer: &Newcomer) -> Self {
        let (twilio, account) = (harness.stack.twilio(), newcomer.account.sid().to_string());
        let checks = Matching::operations([FETCH]).on(&account);
        let hold = Misbehaviour::Hold;
        Self {
            harness,
            since: twilio.wire().mark(),
            fault: twilio.faults().inject(checks, hold, Times::Always),
            account,
        }
    }

    /// Waits until so many requests have come to their checks at once.
    pub(super) async fn until_there_are(&self, requests: usize) {
        let is_young = |call: &Call| call.at.elapsed() < YOUNG;
        let wire = self.harness.stack.twilio().wire();
        let there = wire.wait_until(self.since, |calls| {
            let calls = calls.clone().operation(FETCH).resource(&self.account);
            calls.filter(is_young).count() >= requests
        });
        tokio::time::timeout(PATIENCE, there).await.unwrap();
    }

    /// Waits until two requests have come to their checks, and lets both go on.
    pub(super) async fn both_at_once(self) {
        self.until_there_are(2).await;
        self.release();
    }

    /// Lets the checks go on.
    pub(super) fn release(self) {
        self.harness.stack.twilio().faults().remove(self.fault);
    }
}
