//! Calls that were made, each once more without what a condition asks of it, or about what is another's: none of them is
//! allowed, and each condition is what forbids one.

use std::collections::BTreeMap;

use local::iam::{ENCRYPTION_CONTEXT, EVENT_SOURCE, LEADING_KEYS, Policy, Request, Use};

/// Whom nobody acts for. It matches no pattern of keys.
const STRANGER: &str = "a-stranger";

/// What conditions of roles ask about.
fn asked() -> [String; 5] {
    let context = |name: &str| format!("{ENCRYPTION_CONTEXT}{name}");
    [
        LEADING_KEYS.to_owned(),
        EVENT_SOURCE.to_owned(),
        context("tenant_id"),
        context("provider"),
        context("purpose"),
    ]
}

fn replaced(request: &Request, key: &str, values: Vec<String>) -> Request {
    let mut request = request.clone();
    request.context = request.context.replacing(key, values);
    request
}

/// The call as it would be about a stranger, where it was about the tenant `own`; nothing, if it was not.
fn about_a_stranger(request: &Request, own: &str) -> Option<Request> {
    let of = |value: &String| match value.strip_prefix(own) {
        Some("") => STRANGER.to_owned(),
        Some(rest) if rest.starts_with('#') => format!("{STRANGER}{rest}"),
        _ => value.clone(),
    };
    let mut changed = request.clone();
    for key in [LEADING_KEYS, &format!("{ENCRYPTION_CONTEXT}tenant_id")] {
        let values = request.context.get(key).unwrap_or_default();
        changed = replaced(&changed, key, values.iter().map(of).collect());
    }
    (changed != *request).then_some(changed)
}

/// The calls that must not be allowed if `it` is, by what is wrong with each.
fn variations(it: &Use) -> BTreeMap<String, Request> {
    let mut wrong = BTreeMap::new();
    for key in asked() {
        if it.request.context.get(&key).is_some() {
            let without = replaced(&it.request, &key, Vec::new());
            wrong.insert(format!("without {key}"), without);
        }
    }
    for (key, nobodys) in [
        (LEADING_KEYS, format!("{STRANGER}#{STRANGER}")),
        (EVENT_SOURCE, STRANGER.to_owned()),
    ] {
        if let Some(values) = it.request.context.get(key) {
            let with = |values| replaced(&it.request, key, values);
            wrong.insert(format!("another {key}"), with(vec![nobodys.clone()]));
            let besides = values.iter().cloned().chain([nobodys]).collect();
            wrong.insert(format!("one more {key}"), with(besides));
        }
    }
    for tag in ["tenant", "displaced"] {
        let own = it.principal.tag(tag);
        if let Some(request) = own.and_then(|own| about_a_stranger(&it.request, own)) {
            wrong.insert(format!("another {tag}"), request);
        }
    }
    wrong
}

/// What `policy` allows of all that must not be allowed if these calls of its role are: of each the role, the action, and what is
/// wrong with it.
pub(super) fn allowed_beyond<'a>(
    uses: impl IntoIterator<Item = &'a Use>,
    policy: &Policy,
) -> Vec<String> {
    let mut allowed = Vec::new();
    for it in uses {
        for (wrong, request) in variations(it) {
            if policy.allows(&request, &it.principal) {
                allowed.push(format!("{}, {}: {wrong}", it.role, it.action));
            }
        }
    }
    allowed
}

/// Whether one of these calls was about the tenant that its session is tagged with, so that it was tried about another's.
pub(super) fn is_tried_about_others(it: &Use) -> bool {
    let own = it.principal.tag("tenant");
    own.is_some_and(|own| about_a_stranger(&it.request, own).is_some())
}
