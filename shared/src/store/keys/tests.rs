//! Keys of one tenant are never those of another, and DynamoDB takes each of them.

use jiff::Timestamp;
use proptest::prelude::*;

use super::activity::LONGEST_CONTACT;
use super::*;
use crate::activity::{Group, Resource};
use crate::tenant::{Operator, Provider, TenantScope};

fn scope(id: &str) -> TenantScope {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test acts for tenants that it names itself"
    )]
    Operator::at_the_console().scope(id.parse().unwrap())
}

fn every_partition(scope: &TenantScope, text: &str) -> Vec<String> {
    let message = Resource::Message("SM00000000000000000000000000000001".parse().unwrap());
    vec![
        tenant_partition(scope),
        profile(scope).partition,
        settings(scope).partition,
        integration(scope, Provider::Twilio).partition,
        application(scope).partition,
        limit(scope, "token", 29_000_000).partition,
        turns(scope).partition,
        audit_partition(scope),
        limit_partition(scope),
        resource(scope, &message).partition,
        event(scope, "an-id").partition,
        by_time(scope, EVENT),
        contact(scope, text).partition,
        conversations(scope),
        by_time(scope, message.kind()),
        by_group(scope, &Group::Conversation(text.to_owned())),
        by_group(
            scope,
            &Group::Call("CA00000000000000000000000000000001".parse().unwrap()),
        ),
    ]
}

#[test]
fn a_partition_of_configuration_tells_its_tenant() {
    let acme = scope("acme");
    let told = |partition: &str| tenant_of(partition);
    assert_eq!(
        told(&tenant_partition(&acme)),
        Some(acme.tenant_id().clone())
    );
    assert_eq!(told("acme#audit"), None);
}

#[test]
fn a_time_in_a_key_has_a_fixed_width() {
    let message = Resource::Message("SM00000000000000000000000000000001".parse().unwrap());
    let whole = moment(Timestamp::from_second(1).unwrap(), message.sid());
    assert_eq!(
        whole,
        "1970-01-01T00:00:01.000Z#SM00000000000000000000000000000001"
    );
}

#[test]
fn a_contact_of_any_length_has_a_key_that_dynamodb_takes() {
    let key = |contact: String| by_group(&scope("acme"), &Group::Conversation(contact));
    let longest = "c".repeat(LONGEST_CONTACT);
    assert_eq!(key(longest.clone()), format!("acme#conversation#{longest}"));
    let (one, other) = (format!("{longest}1"), format!("{longest}2"));
    assert_eq!(key(one.clone()), key(one.clone()));
    assert_ne!(key(one.clone()), key(other));
    assert!(key(one).len() < 100);
}

proptest! {
    #[test]
    fn no_key_of_one_tenant_lies_in_another(
        one in "[a-z0-9][a-z0-9-]{1,62}",
        other in "[a-z0-9][a-z0-9-]{1,62}",
        contact in ".*",
    ) {
        prop_assume!(one != other);
        let (own, others) = (format!("{one}#"), format!("{other}#"));
        for partition in every_partition(&scope(&one), &contact) {
            prop_assert!(partition.starts_with(&own));
            prop_assert!(!partition.starts_with(&others));
        }
    }
}
