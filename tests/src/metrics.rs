//! What the functions measure: their own lines, read as `CloudWatch` reads them (the embedded metric format).

mod background;
mod batches;
mod client_api;
mod judged;
mod webhooks;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use local::logs::{Line, Voice};
use shared::telemetry::metrics::{MetricSet, SETS};

use self::judged::Judged;
use crate::harness::Harness;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of a stack that carry metrics, every one of them as it has to be.
fn measured(harness: &Harness) -> Vec<Judged> {
    let lines = harness.stack.logs().lines();
    lines.iter().filter_map(judged).collect()
}

fn judged(line: &Line) -> Option<Judged> {
    (line.voice == Voice::Function && line.text.contains(r#""_aws""#)).then(|| Judged::of(line))
}

/// The set of a target.
fn set(target: &str) -> &'static MetricSet {
    SETS.iter().find(|set| set.target == target).unwrap()
}

/// Waits until lines of a stack have carried every metric of a set, but those that are proven elsewhere.
async fn are_all_emitted(harness: &Harness, target: &str, but: &[&str]) {
    let set = set(target);
    let names = set.metrics.iter().map(|metric| metric.name);
    let missing: BTreeSet<&str> = names.filter(|name| !but.contains(name)).collect();
    let missing = RefCell::new(missing);
    let logs = harness.stack.logs();
    let is_last = |line: &Line| {
        if let Some(judged) = judged(line)
            && judged.set.target == target
        {
            let mut missing = missing.borrow_mut();
            missing.retain(|name| !judged.metrics.contains(*name));
        }
        missing.borrow().is_empty()
    };
    logs.wait_for(is_last, PATIENCE).await;
    assert_eq!(missing.into_inner(), BTreeSet::new(), "of {target}");
}
