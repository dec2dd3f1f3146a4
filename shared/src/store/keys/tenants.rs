//! The keys of the tables of tenants and of routes.

use jiff::Timestamp;

use super::{Key, moment, partition};
use crate::sid::AccountSid;
use crate::tenant::{Provider, Subdomain, TenantId, TenantScope};

/// The sort key of a tenant's profile.
pub(in crate::store) const PROFILE: &str = "profile";
/// The sort key of a tenant's settings.
pub(in crate::store) const SETTINGS: &str = "settings";

/// The sort key of what is remembered of a tenant's TwiML App.
pub(in crate::store) const APPLICATION: &str = "twiml-app";
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
