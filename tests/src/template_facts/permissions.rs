//! What a function may do to the tables, held against what it is seen doing: nothing is missing, and nothing is left over.

mod credentials;
mod deferred_writer;
mod messaging;
mod publisher;
mod tenants;
mod token;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};

use local::emulators::wire::Calls;
use serde_json::Value;

use super::document::{list, of_type, statements, template};
use crate::harness::Harness;

/// Something that was done to partitions of a table or of an index.
type Deed = (String, String, BTreeSet<String>);

/// A statement of a role's policy that allows something with a table.
#[derive(Debug)]
struct Grant {
    sid: String,
    actions: BTreeSet<String>,
    resource: String,
    partitions: BTreeSet<String>,
}

/// What a role may do to tables.
fn grants(role: &str) -> Vec<Grant> {
    let template = template();
    let statements = statements(&template["Resources"][role]).into_iter();
    let texts = |value: &Value| -> BTreeSet<String> {
        let texts = list(value).into_iter();
        texts.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let grants = statements.map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        let resource = &statement["Resource"];
        let resource = resource["Fn::GetAtt"]
            .as_str()
            .or(resource["Fn::Sub"].as_str());
        let resource = resource.unwrap_or_default().replace(['$', '{', '}'], "");
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        Grant {
            sid: statement["Sid"].as_str().unwrap().to_owned(),
            actions: texts(&statement["Action"]),
            resource: resource.replace(".Arn", ""),
            partitions: texts(keys),
        }
    });
    // Of a stream Lambda takes records in the role's name; what it is held against here are the function's own calls.
    let of_tables = |grant: &Grant| {
        let is_stream = grant.resource.ends_with(".StreamArn");
        !is_stream && grant.actions.iter().any(|it| it.starts_with("dynamodb:"))
    };
    grants.filter(of_tables).collect()
}

impl Grant {
    fn allows(&self, (action, resource, partitions): &Deed) -> bool {
        let is_within = |partition| self.partitions.iter().any(|it| is_like(it, partition));
        self.actions.contains(action)
            && self.resource == *resource
            && partitions.iter().all(|partition| is_within(partition))
    }
}

/// `StringLike` of IAM, with asterisks alone.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(end, _)| end);
            ends.any(|end| is_like(tail, &rest[end..])) || is_like(tail, "")
        }),
    }
}

/// What calls did, as IAM names it: each action of a transaction by itself, an index as a resource of its own. Of a batch or a
/// transaction the partitions are all that it touches in the table: AWS does not say that IAM sees fewer at a time.
fn deeds(harness: &Harness, calls: &Calls) -> BTreeSet<Deed> {
    let tables: BTreeMap<_, _> = [
        ("TENANTS_TABLE", "TenantsTable"),
        ("ROUTES_TABLE", "RoutesTable"),
        ("ACTIVITY_TABLE", "ActivityTable"),
    ]
    .map(|(variable, name)| (harness.variable(variable), name))
    .into();
    let mut deeds = BTreeSet::new();
    for call in calls.iter() {
        let mut partitions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for target in &call.targets {
            let of_table = partitions.entry(target.resource.as_str()).or_default();
            of_table.insert(target.partition.clone().unwrap());
        }
        for target in &call.targets {
            let action = match target.action.as_deref() {
                Some(part) => format!("dynamodb:{part}Item"),
                None => format!("dynamodb:{}", call.operation),
            };
            let table = tables[target.resource.as_str()];
            let index = target.index.iter();
            let index: String = index.map(|index| format!("/index/{index}")).collect();
            let resource = format!("{table}{index}");
            let partitions = partitions[target.resource.as_str()].clone();
            deeds.insert((action, resource, partitions));
        }
    }
    deeds
}

/// Asserts that a role may do to the tables what was seen and nothing else.
#[track_caller]
fn assert_is_what_is_allowed(role: &str, seen: &BTreeSet<Deed>) {
    let grants = grants(role);
    assert!(grants.len() > 1);
    let refused: Vec<_> = seen
        .iter()
        .filter(|deed| !grants.iter().any(|grant| grant.allows(deed)))
        .collect();
    assert!(refused.is_empty(), "not allowed: {refused:#?}");

    let mut unused = Vec::new();
    for grant in &grants {
        let used: Vec<_> = seen.iter().filter(|deed| grant.allows(deed)).collect();
        let actions = grant.actions.iter();
        let actions = actions.filter(|action| used.iter().all(|deed| deed.0 != **action));
        let is_touched = |pattern: &str| {
            let mut touched = used.iter().flat_map(|deed| &deed.2);
            touched.any(|partition| is_like(pattern, partition))
        };
        let partitions = grant.partitions.iter();
        let partitions = partitions.filter(|pattern| !is_touched(pattern));
        let left_over = actions.chain(partitions);
        unused.extend(left_over.map(|what| format!("{}: {what}", grant.sid)));
    }
    assert!(unused.is_empty(), "not used: {unused:#?}");
}

/// A test for each role, and the list of them: none is on it that is not tried.
macro_rules! each_role_is_held_against_what_is_seen {
    ($($test:ident: $role:literal, $ways:path;)*) => {
        const TRIED: &[&str] = &[$($role),*];

        $(
            #[tokio::test]
            async fn $test() {
                assert_is_what_is_allowed($role, &$ways().await);
            }
        )*
    };
}

each_role_is_held_against_what_is_seen! {
    the_sms_webhook_may_do_to_the_tables_what_it_does_and_nothing_else:
        "SmsWebhookRole", webhooks::ways_of_sms;
    the_whatsapp_webhook_may_do_to_the_tables_what_it_does_and_nothing_else:
        "WhatsappWebhookRole", webhooks::ways_of_whatsapp;
    the_voice_webhook_may_do_to_the_tables_what_it_does_and_nothing_else:
        "VoiceWebhookRole", webhooks::ways_of_voice;
    the_deferred_writer_may_do_to_the_tables_what_it_does_and_nothing_else:
        "DeferredWriterRole", deferred_writer::ways_of_deferred_writer;
    the_publisher_may_do_to_the_tables_what_it_does_and_nothing_else:
        "PublisherRole", publisher::ways_of_publisher;
    the_token_function_may_do_to_the_tables_what_it_does_and_nothing_else:
        "TokenRole", token::ways_of_token;
    the_credentials_function_may_do_to_the_tables_what_it_does_and_nothing_else:
        "CredentialsRole", credentials::ways_of_credentials;
    the_messaging_function_may_do_to_the_tables_what_it_does_and_nothing_else:
        "MessagingRole", messaging::ways_of_messaging;
    the_tenants_function_may_do_to_the_tables_what_it_does_and_nothing_else:
        "TenantsRole", tenants::ways_of_tenants;
}

#[test]
fn every_role_of_the_template_is_held_against_what_is_seen() {
    let template = template();
    let roles = of_type(&template, "AWS::IAM::Role").into_iter();
    let roles: BTreeSet<_> = roles.map(|(name, _)| name).collect();
    assert_eq!(roles, TRIED.iter().copied().collect());
}

#[test]
fn a_pattern_of_iam_is_read_as_iam_reads_it() {
    for (pattern, text, expected) in [
        ("*#tenant", "acme#tenant", true),
        ("*#tenant", "acme#tenants", false),
        ("*#call#*", "acme#call#CA1", true),
        ("*#call#*", "acme#call", false),
        ("platform#tenants", "platform#tenants", true),
        ("twilio-account#*", "twilio-account#AC1", true),
        ("twilio-account#*", "subdomain#acme", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}
