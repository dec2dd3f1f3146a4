//! `AssumeRole`: what is asked, and who may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::super::faults::AwsError;
use super::text;
use crate::iam::{
    Access, Caller, NewSession, REQUEST_TAG, ROLE_SESSION_NAME, Request, TAG_KEYS,
    TRANSITIVE_TAG_KEYS,
};

/// The most tags of a session.
const MOST_TAGS: usize = 50;

/// Seconds of the shortest session, and of one of which nothing is said.
const SHORTEST: u32 = 900;
const USUAL: u32 = 3_600;

/// Seconds of the longest session that a session may make, whatever its role says: who calls here has none but those.
const LONGEST_CHAINED: u32 = 3_600;

/// Everything else that the operation takes is not understood, and must not be skipped: a session's policy limits it.
const UNDERSTOOD: [&str; 5] = [
    "Action",
    "Version",
    "RoleArn",
    "RoleSessionName",
    "DurationSeconds",
];

/// Begins a session.
pub(super) fn assume(
    access: &Access,
    caller: &Caller,
    document: &Value,
) -> Result<Caller, AwsError> {
    let asked = Asked::read(document)?;
    let role = access
        .rules()
        .and_then(|rules| rules.role_with_arn(asked.role));
    let Some(role) = role else {
        // As AWS: who may not know of a role hears no more than that it may not be assumed.
        let message = format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
            caller.principal().arn(),
            asked.role
        );
        return Err(AwsError::new(403, "AccessDenied", message));
    };
    let longest = role.longest_session.min(LONGEST_CHAINED);
    if asked.seconds > longest {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        return Err(AwsError::new(400, "ValidationError", message));
    }
    let inherited = caller.transitive_tags();
    if let Some(name) = asked.tags.keys().find(|name| inherited.contains_key(*name)) {
        let message = format!(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session: {name}"
        );
        return Err(AwsError::new(400, "InvalidParameterValue", message));
    }
    let mut tags = asked.tags.clone();
    tags.extend(inherited.clone());
    let mut transitive = asked.transitive.clone();
    transitive.extend(inherited.into_keys());

    let mut actions = vec!["sts:AssumeRole"];
    if !tags.is_empty() {
        actions.push("sts:TagSession");
    }
    let requests: Vec<Request> = actions
        .into_iter()
        .map(|action| asked.request(action, &role.arn, &tags, &transitive))
        .collect();
    access
        .authorize_trusted(caller, role, &requests)
        .map_err(|denial| AwsError::denied(&denial))?;
    let length = Duration::from_secs(u64::from(asked.seconds));
    let expires_at = access
        .now()
        .saturating_add(length)
        .unwrap_or_else(|_| access.now());
    Ok(access.begin(NewSession {
        role,
        name: asked.name.to_owned(),
        tags,
        transitive,
        expires_at: Some(expires_at),
        label: caller.label(),
    }))
}

struct Asked<'a> {
    role: &'a str,
    name: &'a str,
    seconds: u32,
    tags: BTreeMap<String, String>,
    transitive: BTreeSet<String>,
}

impl<'a> Asked<'a> {
    fn read(document: &'a Value) -> Result<Self, AwsError> {
        let needed = |name: &str| {
            text(document, name).ok_or_else(|| {
                invalid(&format!(
                    "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
                ))
            })
        };
        let members = document.as_object().into_iter().flatten();
        for (name, _) in members {
            let of_tags =
                name.starts_with("Tags.member.") || name.starts_with("TransitiveTagKeys.member.");
            if !of_tags && !UNDERSTOOD.contains(&name.as_str()) {
                return Err(invalid(&format!(
                    "the local stack's STS does not understand `{name}`"
                )));
            }
        }
        let (role, name) = (needed("RoleArn")?, needed("RoleSessionName")?);
        let is_of_name = |it: char| it.is_ascii_alphanumeric() || "_+=,.@-".contains(it);
        if !(2..=64).contains(&name.len()) || !name.chars().all(is_of_name) {
            return Err(invalid(&format!(
                "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]{{2,64}}"
            )));
        }
        let seconds = match text(document, "DurationSeconds") {
            None => USUAL,
            Some(text) => match text.parse() {
                Ok(seconds) if seconds >= SHORTEST => seconds,
                _ => {
                    return Err(invalid(&format!(
                        "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
                    )));
                }
            },
        };
        let tags = tags(document)?;
        let transitive: BTreeSet<String> = (1..)
            .map_while(|number| text(document, &format!("TransitiveTagKeys.member.{number}")))
            .map(str::to_owned)
            .collect();
        if let Some(name) = transitive.iter().find(|name| !tags.contains_key(*name)) {
            let message = format!("The transitive tag key {name} is none of the session's tags");
            return Err(AwsError::new(400, "InvalidParameterValue", message));
        }
        Ok(Self {
            role,
            name,
            seconds,
            tags,
            transitive,
        })
    }

    fn request(
        &self,
        action: &str,
        role: &str,
        tags: &BTreeMap<String, String>,
        transitive: &BTreeSet<String>,
    ) -> Request {
        let mut request = Request::new(action, role)
            .with(ROLE_SESSION_NAME, [self.name])
            .with(TAG_KEYS, tags.keys())
            .with(TRANSITIVE_TAG_KEYS, transitive);
        for (name, value) in tags {
            request = request.with(format!("{REQUEST_TAG}{name}"), [value]);
        }
        request
    }
}

/// The tags that are asked for.
fn tags(document: &Value) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for number in 1.. {
        let member = |part: &str| text(document, &format!("Tags.member.{number}.{part}"));
        let Some(name) = member("Key") else {
            break;
        };
        let value = member("Value").unwrap_or_default();
        let is_of_tag =
            |it: char| it.is_alphanumeric() || it.is_whitespace() || "_.:/=+-@".contains(it);
        let fits = (1..=128).contains(&name.chars().count()) && value.chars().count() <= 256;
        if !fits || !name.chars().chain(value.chars()).all(is_of_tag) {
            return Err(invalid(&format!(
                "1 validation error detected: Value at 'tags.{number}.member' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]*"
            )));
        }
        // Tags that differ in case alone are one to AWS.
        let known = tags
            .keys()
            .any(|known: &String| known.eq_ignore_ascii_case(name));
        if known {
            let message =
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(AwsError::new(400, "InvalidParameterValue", message));
        }
        tags.insert(name.to_owned(), value.to_owned());
        if tags.len() > MOST_TAGS {
            return Err(invalid("a session has 50 tags at most"));
        }
    }
    Ok(tags)
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}
