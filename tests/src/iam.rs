//! What each function may do, held against what it does under enforcement: nothing is missing, and nothing could be taken away.

mod denials;
mod publishing;
mod webhooks;

use std::collections::BTreeSet;
use std::fmt;

use local::logs::Voice;

use crate::harness::Harness;
use crate::template_facts::permissions::{
    messages, messaging, ways_of_credentials, ways_of_publisher, ways_of_tenants, ways_of_token,
};

/// What nothing here calls, and every function needs on AWS: writes to logs and to X-Ray.
const ELSEWHERE: [&str; 4] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// A permission of a role of the template, as text: the statement, the action, and one of its resources or of its conditions'
/// values if there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Permission {
    role: String,
    part: String,
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", self.role, self.part)
    }
}

/// The permissions without which a call that was made on this stack would have been denied, and all there are.
fn needed(harness: &Harness) -> (BTreeSet<Permission>, BTreeSet<Permission>) {
    let access = harness.stack.emulators().access();
    let uses = access.uses();
    let (mut needed, mut all) = (BTreeSet::new(), BTreeSet::new());
    for role in access.rules().unwrap().roles() {
        let uses = uses.iter().filter(|it| it.role == role.logical_id);
        let uses: Vec<_> = uses.collect();
        for part in role.policy.parts() {
            if ELSEWHERE.contains(&part.action_text.as_str()) {
                continue;
            }
            let permission = Permission {
                role: role.logical_id.clone(),
                part: part.to_string(),
            };
            let less = role.policy.without(&part);
            let mut uses = uses.iter();
            if uses.any(|it| !less.allows(&it.request, &it.principal)) {
                needed.insert(permission.clone());
            }
            all.insert(permission);
        }
    }
    (needed, all)
}

/// Every denial on a stack.
fn denials(harness: &Harness) -> Vec<String> {
    let lines = harness.stack.logs().lines().into_iter();
    let denied =
        lines.filter(|line| line.voice == Voice::Problem && line.text.contains(" may not "));
    denied.map(|line| line.text).collect()
}

/// What stacks told on which functions did all that they are for.
struct Ways {
    needed: BTreeSet<Permission>,
    all: BTreeSet<Permission>,
    denials: Vec<String>,
}

impl Ways {
    /// Takes what a stack tells.
    fn add(&mut self, harness: &Harness) {
        let (needed, all) = needed(harness);
        self.needed.extend(needed);
        self.all.extend(all);
        self.denials.extend(denials(harness));
    }
}

#[tokio::test]
async fn each_role_may_do_what_its_function_does_and_every_permission_of_it_is_needed() {
    let mut ways = Ways {
        needed: BTreeSet::new(),
        all: BTreeSet::new(),
        denials: Vec::new(),
    };
    // Each on a stack of its own, so that each makes the platform's secret where it is the first to need it.
    let harness = Harness::start(|_| {});
    ways_of_tenants(&harness).await;
    ways.add(&harness);
    let harness = Harness::start(|_| {});
    ways_of_token(&harness).await;
    ways_of_credentials(&harness).await;
    ways.add(&harness);
    let harness = Harness::start(|options| options.feeds_streams = false);
    messaging::ways_of_messaging(&harness).await;
    ways.add(&harness);
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    for routes in messages::ROUTES {
        messages::ways_of_messages(&harness, routes).await;
    }
    ways.add(&harness);
    ways.add(&webhooks::calls().await);
    ways.add(&webhooks::outage().await);
    let harness = Harness::start(|options| options.redelivery_seconds = Some(1));
    ways_of_publisher(&harness).await;
    publishing::call_and_message_at_once(&harness).await;
    publishing::outage(&harness).await;
    ways.add(&harness);

    assert!(ways.denials.is_empty(), "denied: {:#?}", ways.denials);
    let unneeded: Vec<String> = ways
        .all
        .difference(&ways.needed)
        .map(ToString::to_string)
        .collect();
    assert!(unneeded.is_empty(), "not needed: {unneeded:#?}");
}
