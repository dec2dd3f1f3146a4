//! Every key of every table. Nothing else builds one.
//!
//! Partition keys of tenant data read `acme#…`: the literal tenant id, then `#`, which no id can hold. An IAM condition on
//! `dynamodb:LeadingKeys` can so enforce the isolation a second time, outside the code.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::item::{Attributes, Item, text};
use crate::activity::{CONTACTS, Group, Resource};
use crate::sid::{AccountSid, PhoneNumberSid};
use crate::tenant::{Provider, Subdomain, TenantId, TenantScope};

/// The partition key attribute of every table.
pub(super) const PARTITION: &str = "pk";
/// The sort key attribute of every table.
pub(super) const SORT: &str = "sk";

/// The sort key of a tenant's profile.
pub(super) const PROFILE: &str = "profile";
/// The sort key of a tenant's settings.
pub(super) const SETTINGS: &str = "settings";

/// The sort key of what is remembered of a tenant's TwiML App.
pub(super) const APPLICATION: &str = "twiml-app";
/// The sort key of what is known of a tenant's own numbers.
pub(super) const OWN_NUMBERS: &str = "own-numbers";
/// What the sort key of every integration begins with.
pub(super) const INTEGRATIONS: &str = "integration#";

/// The kind of events that wait to be published, as keys and their list by time name it.
pub(super) const EVENT: &str = "event";

/// A whole primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    partition: String,
    sort: String,
}

impl Key {
    /// The key of an item, or of an index's entry, which has that of its item.
    pub(super) fn of_item(operation: &'static str, item: &Item) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        Ok(Self {
            partition: attributes.text(PARTITION)?.to_owned(),
            sort: attributes.text(SORT)?.to_owned(),
        })
    }

    pub(super) fn partition(&self) -> &str {
        &self.partition
    }

    pub(super) fn sort(&self) -> &str {
        &self.sort
    }

    pub(super) fn into_attributes(self) -> HashMap<String, AttributeValue> {
        [
            (PARTITION.to_owned(), text(self.partition)),
            (SORT.to_owned(), text(self.sort)),
        ]
        .into()
    }
}

/// The route of a Twilio account; platform data, of no tenant yet.
pub(super) fn account_route(account: &AccountSid) -> Key {
    Key {
        partition: format!("twilio-account#{account}"),
        sort: "route".to_owned(),
    }
}

/// The route of a subdomain; platform data, like that of an account.
pub(super) fn subdomain_route(subdomain: &Subdomain) -> Key {
    Key {
        partition: format!("subdomain#{subdomain}"),
        sort: "route".to_owned(),
    }
}

/// The partition of the directory of all tenants.
pub(super) fn directory_partition() -> String {
    format!("{}#tenants", TenantId::PLATFORM)
}

/// A tenant's entry of the directory, in the order of its creation.
pub(super) fn directory_entry(created_at: Timestamp, tenant_id: &TenantId) -> Key {
    Key {
        partition: directory_partition(),
        sort: format!("{created_at:.3}#{tenant_id}"),
    }
}

/// The partition of the work that is due, of all tenants.
pub(super) fn due_partition() -> String {
    format!("{}#due", TenantId::PLATFORM)
}

/// What is due of a tenant from a moment on; `work` names what.
pub(super) fn due(at: Timestamp, work: &str, tenant_id: &TenantId) -> Key {
    let (kind, what) = work.split_once('#').unwrap_or((work, ""));
    let what = match what {
        "" => String::new(),
        what => format!("#{what}"),
    };
    Key {
        partition: due_partition(),
        sort: format!("{}#{kind}#{tenant_id}{what}", due_moment(at)),
    }
}

/// What the sort key of what is due at a moment begins with: milliseconds since 1970, in a fixed width until the year 2286.
pub(super) fn due_moment(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond().max(0))
}

/// What is remembered for a while of a tenant that was deleted: that its id was.
pub(super) fn deleted_tenant(scope: &TenantScope) -> Key {
    Key {
        partition: format!("{}#deleted", TenantId::PLATFORM),
        sort: scope.tenant_id().to_string(),
    }
}

/// The partition of a tenant's audit log.
pub(super) fn audit_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "audit")
}

/// The partition of the log of what outlives tenants.
pub(super) fn platform_audit_partition() -> String {
    format!("{}#audit", TenantId::PLATFORM)
}

/// An entry of an audit log, or any other item by its keys.
pub(super) fn item_of(partition: String, sort: String) -> Key {
    Key { partition, sort }
}

/// The partition of a tenant's counters.
pub(super) fn limit_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "limit")
}

/// The partition that holds all of a tenant's configuration, so that one query reads what a webhook needs.
pub(super) fn tenant_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "tenant")
}

/// The platform's own secret; of no tenant, since none can be named `platform`.
pub(super) fn platform_secret() -> Key {
    Key {
        partition: format!("{}#tenant", TenantId::PLATFORM),
        sort: "platform-secret".to_owned(),
    }
}

/// What a tenant's users took in one minute of one class of routes. Its own partition: a flood of requests takes nothing
/// from what reads the configuration.
pub(super) fn limit(scope: &TenantScope, class: &str, minute: i64) -> Key {
    Key {
        partition: limit_partition(scope),
        sort: format!("{class}#{minute}"),
    }
}

/// When the next webhook of a tenant that was put aside has its turn to be stored. Beside the tenant's counters, which no
/// minute's name can be taken for.
pub(super) fn turns(scope: &TenantScope) -> Key {
    Key {
        partition: limit_partition(scope),
        sort: "turns".to_owned(),
    }
}

/// The tenant whose configuration a partition holds.
pub(super) fn tenant_of(tenant_partition: &str) -> Option<TenantId> {
    tenant_partition.strip_suffix("#tenant")?.parse().ok()
}

/// A tenant's profile.
pub(super) fn profile(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: PROFILE.to_owned(),
    }
}

/// A tenant's settings.
pub(super) fn settings(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: SETTINGS.to_owned(),
    }
}

/// A tenant's credentials of a provider.
pub(super) fn integration(scope: &TenantScope, provider: Provider) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: integration_sort(provider),
    }
}

/// The sort key of a provider's credentials.
pub(super) fn integration_sort(provider: Provider) -> String {
    format!("{INTEGRATIONS}{provider}")
}

/// What is remembered of a tenant's TwiML App.
pub(super) fn application(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: APPLICATION.to_owned(),
    }
}

/// The tenant's own numbers, all in one item: who serves traffic reads it with the rest of the configuration.
pub(super) fn own_numbers(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: OWN_NUMBERS.to_owned(),
    }
}

/// The partition of a tenant's phone numbers.
pub(super) fn phone_number_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "number")
}

/// A phone number of a tenant's account.
pub(super) fn phone_number(scope: &TenantScope, sid: &PhoneNumberSid) -> Key {
    Key {
        partition: phone_number_partition(scope),
        sort: sid.to_string(),
    }
}

/// A call leg, message or recording. Its own partition: writes spread however large the tenant.
pub(super) fn resource(scope: &TenantScope, resource: &Resource) -> Key {
    Key {
        partition: format!(
            "{}#{}",
            partition(scope.tenant_id(), resource.kind()),
            resource.sid()
        ),
        sort: resource.kind().to_owned(),
    }
}

/// An event that waits to be published.
pub(super) fn event(scope: &TenantScope, id: &str) -> Key {
    Key {
        partition: format!("{}#{id}", partition(scope.tenant_id(), EVENT)),
        sort: EVENT.to_owned(),
    }
}

/// An address at the other end of messages and calls.
pub(super) fn contact(scope: &TenantScope, address: &str) -> Key {
    Key {
        partition: format!(
            "{}#{}",
            partition(scope.tenant_id(), CONTACTS),
            bounded(address)
        ),
        sort: CONTACTS.to_owned(),
    }
}

/// The partition of the `by_group` index that lists a tenant's conversations: its contact items with messages.
pub(super) fn conversations(scope: &TenantScope) -> String {
    format!("{}#0", partition(scope.tenant_id(), "conversations"))
}

/// What the name of the attribute of a contact item begins with that says whether it opted out of a sender.
pub(super) const OPT_OUT: &str = "opt_out:";

/// The attribute of a contact item that says whether it opted out of one of the tenant's senders.
pub(super) fn opt_out_of(sender: &str) -> String {
    format!("{OPT_OUT}{}", bounded(sender))
}

/// The attribute of a contact item that says what one of the tenant's senders last answered by itself.
pub(super) fn auto_reply_of(sender: &str) -> String {
    format!("auto_reply:{}", bounded(sender))
}

/// The partition of the `by_time` index that lists a kind of a tenant's resources.
///
/// The last part numbers a shard. One takes 1,000 new resources a second; a reader of more merges them by time.
pub(super) fn by_time(scope: &TenantScope, kind: &str) -> String {
    format!("{}#0", partition(scope.tenant_id(), kind))
}

/// The partition of the `by_group` index that lists a group.
pub(super) fn by_group(scope: &TenantScope, group: &Group) -> String {
    match group {
        Group::Conversation(contact) => {
            let contact = bounded(contact);
            format!("{}#{contact}", partition(scope.tenant_id(), "conversation"))
        }
        Group::Call(call) => format!("{}#{call}", partition(scope.tenant_id(), "call")),
    }
}

/// The bytes that a contact may have in a key. DynamoDB refuses the whole write when an index's partition key has more than
/// 2,048; the longest contacts are WhatsApp's, with about 150.
const LONGEST_CONTACT: usize = 512;

/// What an item of the Activity table is about, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// A call leg, message or recording.
    Resource(Resource),
    /// Somebody at the other end.
    Contact,
    /// An event that waits to be published, by its id.
    Event(String),
}

/// A key of the Activity table that nothing here built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForeignKey;

/// The tenant and the subject of an item of the Activity table. No subject, when it is of a kind that this version does not
/// know; a key that is none of a tenant's, or names no resource of its kind, is foreign.
pub(super) fn subject(
    partition: &str,
    sort: &str,
) -> Result<(TenantId, Option<Subject>), ForeignKey> {
    let (tenant_id, rest) = partition.split_once('#').ok_or(ForeignKey)?;
    let tenant_id: TenantId = tenant_id.parse().map_err(|_| ForeignKey)?;
    let (kind, name) = rest.split_once('#').unwrap_or((rest, ""));
    let resource = match kind {
        "message" => name.parse().ok().map(Resource::Message),
        "call" => name.parse().ok().map(Resource::Call),
        "recording" => name.parse().ok().map(Resource::Recording),
        _ => {
            let subject = match kind {
                CONTACTS => Some(Subject::Contact),
                EVENT => Some(Subject::Event(name.to_owned())),
                _ => None,
            };
            return Ok((tenant_id, subject.filter(|_| sort == kind)));
        }
    };
    let resource = resource.map(Subject::Resource).ok_or(ForeignKey)?;
    Ok((tenant_id, Some(resource).filter(|_| sort == kind)))
}

/// A contact as keys name it: a longer one by the SHA-256 of it, so that any has a key, and always the same.
fn bounded(contact: &str) -> Cow<'_, str> {
    if contact.len() <= LONGEST_CONTACT {
        return contact.into();
    }
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(contact));
    format!("sha256:{digest}").into()
}

/// The sort key of both indexes: milliseconds in a fixed width, so that text order is time order, then the SID.
pub(super) fn moment(time: Timestamp, resource: &Resource) -> String {
    format!("{time:.3}#{}", resource.sid())
}

fn partition(tenant_id: &TenantId, subject: &str) -> String {
    format!("{tenant_id}#{subject}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tenant::Operator;

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
        let whole = moment(Timestamp::from_second(1).unwrap(), &message);
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
}
