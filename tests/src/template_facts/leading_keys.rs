//! The patterns of keys that roles may reach: each names a partition, and leaves open whose it is, or which of its kind.

use std::collections::BTreeSet;

use super::document::{actions, list, permissions, sid, template};

/// Whose partition it is: any tenant's, or that of a session's tag.
const WHOSE: [&str; 3] = [
    "*",
    "${aws:PrincipalTag/tenant}",
    "${aws:PrincipalTag/displaced}",
];

/// A tenant's partitions, of which each tenant has one.
const OF_A_TENANT: [&str; 4] = ["audit", "limit", "number", "tenant"];

/// Its partitions that are many; in an index, one with the number 0.
const KINDS: [&str; 10] = [
    "addressee",
    "call",
    "contact",
    "conversation",
    "conversations",
    "deleted",
    "event",
    "leg",
    "message",
    "recording",
];

/// What is of no tenant.
const OF_NO_TENANT: [&str; 10] = [
    "platform#audit",
    "platform#deleted",
    "platform#due",
    "platform#minute#*",
    "platform#re-encryption",
    "platform#runs",
    "platform#tenant",
    "platform#tenants",
    "subdomain#*",
    "twilio-account#*",
];

/// A pattern that a statement of a role allows for certain actions.
pub(crate) struct Pattern {
    pub(crate) role: String,
    pub(crate) statement: String,
    pub(crate) actions: BTreeSet<String>,
    pub(crate) pattern: String,
    /// Whether it is allowed in an index.
    pub(crate) is_index: bool,
}

/// Every pattern of every role.
pub(crate) fn patterns() -> Vec<Pattern> {
    let template = template();
    let mut patterns = Vec::new();
    for (role, statement) in permissions(&template) {
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        patterns.extend(list(keys).into_iter().map(|key| Pattern {
            role: role.to_owned(),
            statement: sid(statement).to_owned(),
            actions: actions(statement).into_iter().map(str::to_owned).collect(),
            pattern: key.as_str().unwrap().to_owned(),
            is_index: statement["Resource"].to_string().contains("/index/"),
        }));
    }
    patterns
}

fn is_known(pattern: &str) -> bool {
    let of_a_tenant = |what: &str| {
        OF_A_TENANT.contains(&what)
            || what
                .split_once('#')
                .is_some_and(|(kind, which)| KINDS.contains(&kind) && ["0", "*"].contains(&which))
    };
    let of_whom = pattern.split_once('#');
    OF_NO_TENANT.contains(&pattern)
        || of_whom.is_some_and(|(whose, what)| WHOSE.contains(&whose) && of_a_tenant(what))
}

#[test]
fn a_pattern_names_a_partition_and_leaves_open_only_whose_it_is_or_which() {
    let patterns = patterns();
    assert!(patterns.len() > 50, "{}", patterns.len());
    for it in patterns {
        let (role, statement) = (it.role, it.statement);
        assert!(
            is_known(&it.pattern),
            "{role}, {statement}: {} is wider than a partition, or one that nobody knows",
            it.pattern
        );
    }
}

#[test]
fn a_wider_pattern_is_noticed() {
    for wider in [
        "*",
        "*#*",
        "*tenant",
        "*#t*",
        "*#call*",
        "platform#*",
        "acme#*",
    ] {
        assert!(!is_known(wider), "{wider}");
    }
}
