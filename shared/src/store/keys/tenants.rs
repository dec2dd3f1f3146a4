//! The keys of the tables of tenants and of routes.

use jiff::Timestamp;

use super::{Key, item_of, moment, partition};
use crate::sid::{AccountSid, PhoneNumberSid};
use crate::tenant::{Minute, Provider, Subdomain, TenantId, TenantScope};

/// The sort key of a tenant's profile.
pub(in crate::store) const PROFILE: &str = "profile";
/// The sort key of a tenant's settings.
pub(in crate::store) const SETTINGS: &str = "settings";

/// The sort key of what is remembered of a tenant's TwiML App.
pub(in crate::store) const APPLICATION: &str = "twiml-app";
/// The sort key of what is known of a tenant's own numbers.
pub(in crate::store) const OWN_NUMBERS: &str = "own-numbers";
/// What the sort key of every integration begins with.
pub(in crate::store) const INTEGRATIONS: &str = "integration#";

/// The route of a Twilio account; platform data, of no tenant yet.
pub(in crate::store) fn account_route(account: &AccountSid) -> Key {
    Key {
        partition: format!("twilio-account#{account}"),
        sort: "route".to_owned(),
    }
}

/// The route of a subdomain; platform data, like that of an account.
pub(in crate::store) fn subdomain_route(subdomain: &Subdomain) -> Key {
    Key {
        partition: format!("subdomain#{subdomain}"),
        sort: "route".to_owned(),
    }
}

/// The partition of the directory of all tenants.
pub(in crate::store) fn directory_partition() -> String {
    format!("{}#tenants", TenantId::PLATFORM)
}

/// A tenant's entry of the directory, in the order of its creation.
pub(in crate::store) fn directory_entry(created_at: Timestamp, tenant_id: &TenantId) -> Key {
    Key {
        partition: directory_partition(),
        sort: moment(created_at, tenant_id),
    }
}

/// The partition of the work that is due, of all tenants.
pub(in crate::store) fn due_partition() -> String {
    format!("{}#due", TenantId::PLATFORM)
}

/// What is due of a tenant from a moment on; `work` names what. Checks, of which there may be very many, come after everything else.
pub(in crate::store) fn due(at: Timestamp, work: &str, tenant_id: &TenantId) -> Key {
    let (kind, what) = work.split_once('#').unwrap_or((work, ""));
    let what = match what {
        "" => String::new(),
        what => format!("#{what}"),
    };
    Key {
        partition: due_partition(),
        sort: format!(
            "{}#{}#{kind}#{tenant_id}{what}",
            due_class(kind),
            due_moment(at)
        ),
    }
}

/// What the sort keys begin with of what is due of a kind.
fn due_class(kind: &str) -> &'static str {
    match kind {
        "recheck" => DUE_CLASSES[1],
        _ => DUE_CLASSES[0],
    }
}

/// What the sort keys of what is due begin with, in the order in which it is looked for: what somebody left in the middle, then checks.
pub(in crate::store) const DUE_CLASSES: [&str; 2] = ["work", "check"];

/// The moment in the sort key of what is due: milliseconds since 1970, in a fixed width until the year 2286.
pub(in crate::store) fn due_moment(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond().max(0))
}

/// The partition of the tenants that are verified in a minute of the day.
pub(in crate::store) fn minute_partition(minute: Minute) -> String {
    format!("{}#minute#{minute}", TenantId::PLATFORM)
}

/// A tenant's entry among those of its minute.
pub(in crate::store) fn minute_entry(tenant_id: &TenantId) -> Key {
    item_of(
        minute_partition(Minute::of(tenant_id)),
        tenant_id.to_string(),
    )
}

/// The partition of what is known of the runs of the verifier.
pub(in crate::store) fn runs_partition() -> String {
    format!("{}#runs", TenantId::PLATFORM)
}

/// A run, by its name.
pub(in crate::store) fn run(name: &str) -> Key {
    item_of(runs_partition(), name.to_owned())
}

/// The part of a run that is one message of the queue, by the first tenant of the message.
pub(in crate::store) fn part_of_run(name: &str, first: &TenantId) -> Key {
    item_of(runs_partition(), format!("part#{name}#{first}"))
}

/// The partition of what is known of the re-encryption of credentials.
pub(in crate::store) fn re_encryption_partition() -> String {
    format!("{}#re-encryption", TenantId::PLATFORM)
}

/// How far the re-encryption has come.
pub(in crate::store) fn re_encryption_progress() -> Key {
    item_of(re_encryption_partition(), "progress".to_owned())
}

/// What the sort key of credentials begins with that do not open.
pub(in crate::store) const QUARANTINE: &str = "quarantine#";

/// Credentials that do not open.
pub(in crate::store) fn quarantine(tenant_id: &TenantId, provider: &str) -> Key {
    quarantine_at(&format!("{tenant_id}#{provider}"))
}

/// Credentials that do not open, by their position: tenant and provider.
pub(in crate::store) fn quarantine_at(position: &str) -> Key {
    item_of(re_encryption_partition(), format!("{QUARANTINE}{position}"))
}

/// What is remembered for a while of a tenant that was deleted: that its id was.
pub(in crate::store) fn deleted_tenant(scope: &TenantScope) -> Key {
    Key {
        partition: format!("{}#deleted", TenantId::PLATFORM),
        sort: scope.tenant_id().to_string(),
    }
}

/// The partition that holds all of a tenant's configuration, so that one query reads what a webhook needs.
pub(in crate::store) fn tenant_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "tenant")
}

/// The tenant whose configuration a partition holds.
pub(in crate::store) fn tenant_of(tenant_partition: &str) -> Option<TenantId> {
    tenant_partition.strip_suffix("#tenant")?.parse().ok()
}

/// A tenant's profile.
pub(in crate::store) fn profile(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: PROFILE.to_owned(),
    }
}

/// A tenant's settings.
pub(in crate::store) fn settings(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: SETTINGS.to_owned(),
    }
}

/// A tenant's credentials of a provider.
pub(in crate::store) fn integration(scope: &TenantScope, provider: Provider) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: integration_sort(provider),
    }
}

/// The sort key of a provider's credentials.
pub(in crate::store) fn integration_sort(provider: Provider) -> String {
    format!("{INTEGRATIONS}{provider}")
}

/// What is remembered of a tenant's TwiML App.
pub(in crate::store) fn application(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: APPLICATION.to_owned(),
    }
}

/// The platform's own secret; of no tenant, since none can be named `platform`.
pub(in crate::store) fn platform_secret() -> Key {
    Key {
        partition: format!("{}#tenant", TenantId::PLATFORM),
        sort: "platform-secret".to_owned(),
    }
}

/// The partition of a tenant's audit log.
pub(in crate::store) fn audit_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "audit")
}

/// The partition of the log of what outlives tenants.
pub(in crate::store) fn platform_audit_partition() -> String {
    format!("{}#audit", TenantId::PLATFORM)
}

/// The partition of a tenant's counters.
pub(in crate::store) fn limit_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "limit")
}

/// What a tenant's users took in one minute of one class of routes. Its own partition: a flood of requests takes nothing
/// from what reads the configuration.
pub(in crate::store) fn limit(scope: &TenantScope, class: &str, minute: i64) -> Key {
    Key {
        partition: limit_partition(scope),
        sort: format!("{class}#{minute}"),
    }
}

/// When the next webhook of a tenant that was put aside has its turn to be stored. Beside the tenant's counters, which no
/// minute's name can be taken for.
pub(in crate::store) fn turns(scope: &TenantScope) -> Key {
    Key {
        partition: limit_partition(scope),
        sort: "turns".to_owned(),
    }
}

/// The tenant's own numbers, all in one item: who serves traffic reads it with the rest of the configuration.
pub(in crate::store) fn own_numbers(scope: &TenantScope) -> Key {
    Key {
        partition: tenant_partition(scope),
        sort: OWN_NUMBERS.to_owned(),
    }
}

/// The partition of a tenant's phone numbers.
pub(in crate::store) fn phone_number_partition(scope: &TenantScope) -> String {
    partition(scope.tenant_id(), "number")
}

/// A phone number of a tenant's account.
pub(in crate::store) fn phone_number(scope: &TenantScope, sid: &PhoneNumberSid) -> Key {
    Key {
        partition: phone_number_partition(scope),
        sort: sid.to_string(),
    }
}
