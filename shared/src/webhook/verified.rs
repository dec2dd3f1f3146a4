//! A webhook that is known to come from Twilio and to be of its tenant.

use std::sync::Arc;

use jiff::Timestamp;

use crate::activity::{Fact, Route};
use crate::credentials::TwilioTenant;
use crate::sid::AccountSid;
use crate::tenant::{Settings, TenantScope};

use crate::twilio::TwilioCredentials;

/// A kind of webhook: what its answer depends on, taken from the fact that is kept.
pub trait WebhookKind {
    /// Reads it. Whatever Twilio may leave out or invent has a meaning here.
    fn of(fact: &Fact) -> Self;
}

/// A webhook after resolution and signature check. It is made nowhere else, so that a handler, which takes one, cannot run
/// before verification.
///
/// ```compile_fail
/// fn forge(kind: shared::webhook::Notification) -> shared::webhook::Verified<shared::webhook::Notification> {
///     shared::webhook::Verified { kind } // its fields are private
/// }
/// ```
pub struct Verified<T> {
    scope: TenantScope,
    account: AccountSid,
    tenant: Arc<TwilioTenant>,
    base_url: String,
    received_at: Timestamp,
    is_past_limit: bool,
    kind: T,
}

impl<T> Verified<T> {
    pub(super) fn new(
        scope: TenantScope,
        account: AccountSid,
        tenant: Arc<TwilioTenant>,
        base_url: String,
        received_at: Timestamp,
        is_past_limit: bool,
        kind: T,
    ) -> Self {
        Self {
            scope,
            account,
            tenant,
            base_url,
            received_at,
            is_past_limit,
            kind,
        }
    }

    /// What the webhook says.
    #[must_use]
    pub fn kind(&self) -> &T {
        &self.kind
    }

    /// The tenant that it is of.
    #[must_use]
    pub fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// When it arrived.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// Whether its tenant is past the limit of its minute, so that it is stored later, and gets no answer that costs a write.
    #[must_use]
    pub fn is_past_limit(&self) -> bool {
        self.is_past_limit
    }

    /// What the tenant set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.tenant.settings
    }

    /// The tenant's own Twilio credentials.
    #[must_use]
    pub fn credentials(&self) -> &TwilioCredentials {
        &self.tenant.credentials
    }

    /// Whether a number is known to be of the tenant's own account: whoever writes from it is the tenant itself.
    #[must_use]
    pub fn owns(&self, number: &str) -> bool {
        let own = self.tenant.own_numbers.as_ref();
        own.is_some_and(|own| own.has(number))
    }

    /// Whether a number is known to be one of the tenant's whose calls come back here.
    #[must_use]
    pub fn answers(&self, number: &str) -> bool {
        let own = self.tenant.own_numbers.as_ref();
        own.is_some_and(|own| own.answers(number))
    }

    /// The absolute URL of a route of this function, as Twilio is to call it next.
    #[must_use]
    pub fn url_of(&self, route: Route) -> String {
        format!("{}{}?account={}", self.base_url, route.path(), self.account)
    }
}
