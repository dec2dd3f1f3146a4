//! What each function may do, held against what it does under enforcement: nothing is missing, and nothing could be taken away.

mod beyond;
mod denials;
mod misled;
mod sessions;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use local::iam::LEADING_KEYS;

use self::beyond::{allowed_beyond, is_tried_about_others};
use self::sessions::crossings;
use self::ways::credentials::ways_of_credentials;
use self::ways::messaging::ways_of_messaging;
use self::ways::re_encryptor::ways_of_re_encryptor;
use self::ways::tenants::ways_of_tenants;
use self::ways::token::ways_of_token;
use self::ways::verifier::ways_of_verifier;
use self::ways::{deferred_writer, publisher, webhooks};
use crate::harness::Harness;
use crate::template_facts::leading_keys::patterns;
use crate::template_facts::roles;

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

/// Leading keys by the logical id of the role, the action that touched them, and whether it was in an index.
type Keys = BTreeMap<(String, String, bool), BTreeSet<String>>;

/// Every permission of every role on this stack.
fn all(harness: &Harness) -> BTreeSet<Permission> {
    let access = harness.stack.emulators().access();
    let mut all = BTreeSet::new();
    for role in access.rules().unwrap().roles() {
        let parts = role.policy.parts().into_iter();
        let parts = parts.filter(|part| !ELSEWHERE.contains(&part.action_text.as_str()));
        all.extend(parts.map(|part| Permission {
            role: role.logical_id.clone(),
            part: part.to_string(),
        }));
    }
    all
}

/// The permissions without which a call that was made on this stack would have been denied.
fn needed(harness: &Harness) -> BTreeSet<Permission> {
    let access = harness.stack.emulators().access();
    let uses = access.uses();
    let mut needed = BTreeSet::new();
    for role in access.rules().unwrap().roles() {
        let uses: Vec<_> = uses
            .iter()
            .filter(|it| it.role == role.logical_id)
            .collect();
        for part in role.policy.parts() {
            let less = role.policy.without(&part);
            let mut uses = uses.iter();
            if uses.any(|it| !less.allows(&it.request, &it.principal)) {
                needed.insert(Permission {
                    role: role.logical_id.clone(),
                    part: part.to_string(),
                });
            }
        }
    }
    needed
}

/// The leading keys of calls that were made on this stack, by role and action.
fn keys_touched(harness: &Harness) -> Keys {
    let access = harness.stack.emulators().access();
    let mut touched = Keys::new();
    for it in access.uses() {
        let is_index = it.request.resource.contains("/index/");
        let keys = it.request.context.get(LEADING_KEYS).unwrap_or_default();
        let of_action = touched.entry((it.role, it.action, is_index)).or_default();
        of_action.extend(keys.iter().cloned());
    }
    touched
}

/// The patterns for partitions of any number that only those of an index, which all have the number 0, need.
fn too_wide(touched: &Keys) -> Vec<String> {
    let mut too_wide = Vec::new();
    for it in patterns() {
        let Some((_, kind)) = it.pattern.trim_end_matches("#*").split_once('#') else {
            continue;
        };
        let kind = format!("#{kind}#");
        let is_many = it.pattern.ends_with("#*") && !it.pattern.starts_with("platform");
        let keys = it.actions.iter().filter_map(|action| {
            let of_action = (it.role.clone(), action.clone(), it.is_index);
            touched.get(&of_action)
        });
        let mut keys = keys.flatten().filter(|key| key.contains(&kind));
        if is_many && keys.all(|key| key.ends_with("#0")) {
            let (role, statement, pattern) = (it.role, it.statement, it.pattern);
            too_wide.push(format!("{role}, {statement}: {pattern}"));
        }
    }
    too_wide
}

/// The conditions of every role on this stack, and those of them without which a call would have been allowed that must not be.
fn conditions(harness: &Harness) -> (BTreeSet<Permission>, BTreeSet<Permission>) {
    let access = harness.stack.emulators().access();
    let uses = access.uses();
    let (mut all, mut holding) = (BTreeSet::new(), BTreeSet::new());
    for role in access.rules().unwrap().roles() {
        let uses = || uses.iter().filter(|it| it.role == role.logical_id);
        for (part, wider) in role.policy.unconditioned() {
            let condition = Permission {
                role: role.logical_id.clone(),
                part,
            };
            if !allowed_beyond(uses(), &wider).is_empty() {
                holding.insert(condition.clone());
            }
            all.insert(condition);
        }
    }
    (all, holding)
}

/// What the policies allow beyond the calls that were made on this stack, and must not.
fn beyond(harness: &Harness) -> Vec<String> {
    let access = harness.stack.emulators().access();
    let uses = access.uses();
    let roles = access.rules().unwrap().roles();
    let beyond = roles.flat_map(|role| {
        let uses = uses.iter().filter(|it| it.role == role.logical_id);
        allowed_beyond(uses, &role.policy)
    });
    beyond.collect()
}

/// What stacks told on which functions did all that they are for.
#[derive(Default)]
struct Told {
    needed: BTreeSet<Permission>,
    conditions: BTreeSet<Permission>,
    holding: BTreeSet<Permission>,
    beyond: Vec<String>,
    /// The roles that were tried about another tenant than that of their session.
    tried: BTreeSet<String>,
    denials: Vec<String>,
    crossings: Vec<String>,
    touched: Keys,
}

impl Told {
    /// Takes what a stack tells.
    fn by(&mut self, harness: &Harness) {
        self.needed.extend(needed(harness));
        let (conditions, holding) = conditions(harness);
        self.conditions.extend(conditions);
        self.holding.extend(holding);
        self.beyond.extend(beyond(harness));
        let access = harness.stack.emulators().access();
        let tried = access.uses().into_iter().filter(is_tried_about_others);
        self.tried.extend(tried.map(|it| it.role));
        self.denials.extend(access.denials());
        for (of_action, keys) in keys_touched(harness) {
            self.touched.entry(of_action).or_default().extend(keys);
        }
        let calls = harness.stack.emulators().dynamodb().wire().calls();
        self.crossings.extend(crossings(&calls));
    }
}

/// Whether the sessions of a role are tagged with a tenant.
fn is_of_tenants(role: &str) -> bool {
    role.ends_with("TenantRole") || role == "TakeOverRole"
}

/// A stack on which a function has one process, and nothing happens but what is done.
fn quiet() -> Harness {
    Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    })
}

#[tokio::test]
async fn each_role_may_do_what_its_function_does_and_every_permission_and_condition_of_it_is_needed()
 {
    let mut told = Told::default();
    // Each on a stack of its own, so that each makes the platform's secret where it is the first to need it.
    let harness = Harness::start(|_| {});
    let all = all(&harness);
    ways_of_tenants(&harness).await;
    told.by(&harness);
    let harness = Harness::start(|_| {});
    ways_of_token(&harness).await;
    ways_of_credentials(&harness).await;
    told.by(&harness);
    let harness = Harness::start(|options| options.feeds_streams = false);
    ways_of_messaging(&harness).await;
    told.by(&harness);
    let harness = quiet();
    webhooks::ways_of_sms_webhook(&harness).await;
    webhooks::ways_of_whatsapp_webhook(&harness).await;
    webhooks::ways_of_voice_webhook(&harness).await;
    told.by(&harness);
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
        options.redelivery_seconds = Some(1);
        options.parameters.extend([deferred_writer::pace()]);
    });
    deferred_writer::ways_of_deferred_writer(&harness).await;
    told.by(&harness);
    let harness = publisher::with_one_lane();
    publisher::ways_of_publisher(&harness).await;
    told.by(&harness);
    told.by(&ways_of_verifier().await.harness);
    // Statements name both keys here. What is needed without either is a permission of the template as it is by default.
    told.by(&ways_of_re_encryptor().await.harness);

    assert!(told.denials.is_empty(), "denied: {:#?}", told.denials);
    assert_eq!(told.crossings, Vec::<String>::new());
    assert_eq!(told.beyond, Vec::<String>::new());
    let idle: Vec<_> = told.conditions.difference(&told.holding).collect();
    assert!(idle.is_empty(), "nobody would miss: {idle:#?}");
    let of_tenants = roles().into_iter().filter(|name| is_of_tenants(name));
    assert_eq!(told.tried, of_tenants.collect());
    let unneeded: Vec<String> = all
        .difference(&told.needed)
        .map(ToString::to_string)
        .collect();
    assert!(unneeded.is_empty(), "not needed: {unneeded:#?}");
    assert_eq!(too_wide(&told.touched), Vec::<String>::new());
    let driven: BTreeSet<&str> = told.needed.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(driven, roles().iter().map(String::as_str).collect());
}
