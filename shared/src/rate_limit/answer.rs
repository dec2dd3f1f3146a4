//! What a caller is told of its limits.

use jiff::Timestamp;
use lambda_http::http::{HeaderName, HeaderValue};

use super::rates::Rates;
use crate::store::Counted;

const POLICIES: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// A window, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// The minute, counted from 1970.
    pub(super) minute: i64,
    /// Seconds until the next one begins: 1 to 60.
    pub(super) seconds_left: u32,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// That of one user.
    User,
    /// That of all users of a tenant together.
    Tenant,
}

impl Policy {
    /// The name in headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Tenant => "tenant",
        }
    }
}

/// How far both limits are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) rates: Rates,
    /// `None` in a refusal that was another user's first: how many this one made is not known.
    pub(super) user_remaining: Option<u64>,
    pub(super) tenant_remaining: u64,
    pub(super) seconds_left: u32,
}

impl Standing {
    pub(super) fn of(rates: Rates, counted: &Counted, window: Window) -> Self {
        Self {
            rates,
            user_remaining: Some(u64::from(rates.user).saturating_sub(counted.user)),
            tenant_remaining: u64::from(rates.tenant).saturating_sub(counted.tenant),
            seconds_left: window.seconds_left,
        }
    }

    /// `RateLimit-Policy` and `RateLimit`: quota and window of each limit, what remains of it and for how long.
    /// Source: draft-ietf-httpapi-ratelimit-headers-10, "`RateLimit` header fields for HTTP".
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let (user, tenant) = (Policy::User.as_str(), Policy::Tenant.as_str());
        let Rates {
            user: user_quota,
            tenant: tenant_quota,
        } = self.rates;
        let window = super::WINDOW_SECONDS;
        let policies = format!(
            r#""{user}";q={user_quota};w={window}, "{tenant}";q={tenant_quota};w={window}"#
        );
        let left = self.seconds_left;
        let of = |policy, remaining| format!(r#""{policy}";r={remaining};t={left}"#);
        let standing = of(tenant, self.tenant_remaining);
        let standing = match self.user_remaining {
            Some(remaining) => format!("{}, {standing}", of(user, remaining)),
            None => standing,
        };
        let fields = [(POLICIES, policies), (STANDING, standing)];
        // ASCII, so that none is left out.
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
        fields.collect()
    }
}

/// What became of one request: let through, or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a refusal refuses nothing unless it is looked at"]
pub struct Taken {
    pub(super) standing: Standing,
    pub(super) refused_by: Option<Policy>,
    pub(super) changed_at: Option<Timestamp>,
}

impl Taken {
    /// Why it was not let through; `None` when it was.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let policy = self.refused_by?;
        Some(Refusal {
            policy,
            limit: match policy {
                Policy::User => self.standing.rates.user,
                Policy::Tenant => self.standing.rates.tenant,
            },
            retry_after_seconds: self.standing.seconds_left,
        })
    }

    /// How many more the user may make in this window; `None` in a refusal of the whole tenant that was remembered.
    #[must_use]
    pub fn user_remaining(&self) -> Option<u64> {
        self.standing.user_remaining
    }

    /// How many more all users of the tenant may make in this window. Of a refusal that was remembered: how many they might when
    /// it was first given.
    #[must_use]
    pub fn tenant_remaining(&self) -> u64 {
        self.standing.tenant_remaining
    }

    /// When the tenant's Twilio credentials or status were last changed, if that was in this minute or the five before and the request
    /// is of [`Class::Token`](super::Class::Token) and was let through.
    ///
    /// It is the clock of whoever made the change, which runs ahead of or behind this one. So do not compare it with times of your own:
    /// remember it with what was loaded after it was seen, and load again when it is another.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    /// `RateLimit-Policy` and `RateLimit`, for the answer of either kind.
    #[must_use]
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.standing.headers()
    }

    /// The same, for any user of the tenant.
    pub(super) fn of_anybody(mut self) -> Self {
        self.standing.user_remaining = None;
        self
    }

    /// The same, told later in the same window.
    pub(super) fn at(mut self, window: Window) -> Self {
        self.standing.seconds_left = window.seconds_left;
        self
    }
}

/// Why a request was not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    policy: Policy,
    limit: u32,
    retry_after_seconds: u32,
}

impl Refusal {
    /// Whose limit is reached.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// How many requests it allows in a minute.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Seconds until asking again may help, for `Retry-After`: 1 to 60.
    #[must_use]
    pub fn retry_after_seconds(&self) -> u32 {
        self.retry_after_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(user: u64, tenant: u64) -> Standing {
        let rates = Rates {
            user: 60,
            tenant: 600,
        };
        let counted = Counted {
            is_within: true,
            user,
            tenant,
            changed_at: None,
        };
        let window = Window {
            minute: 1,
            seconds_left: 42,
        };
        Standing::of(rates, &counted, window)
    }

    fn lines(headers: Vec<(HeaderName, HeaderValue)>) -> Vec<String> {
        let line = |(name, value): (HeaderName, HeaderValue)| {
            format!("{name}: {}", value.to_str().unwrap())
        };
        headers.into_iter().map(line).collect()
    }

    #[test]
    fn an_allowed_request_is_told_both_limits_and_what_remains() {
        let taken = Taken {
            standing: standing(1, 10),
            refused_by: None,
            changed_at: None,
        };
        assert_eq!(taken.refusal(), None);
        assert_eq!(
            lines(taken.headers()),
            [
                r#"ratelimit-policy: "user";q=60;w=60, "tenant";q=600;w=60"#,
                r#"ratelimit: "user";r=59;t=42, "tenant";r=590;t=42"#,
            ]
        );
    }

    #[test]
    fn a_refused_request_is_told_the_same_and_when_to_come_back() {
        // More than the limit: it was lowered within the minute.
        let taken = Taken {
            standing: standing(75, 80),
            refused_by: Some(Policy::User),
            changed_at: None,
        };
        let later = taken.at(Window {
            minute: 1,
            seconds_left: 7,
        });
        let refusal = later.refusal().unwrap();
        assert_eq!(
            (
                refusal.policy(),
                refusal.limit(),
                refusal.retry_after_seconds()
            ),
            (Policy::User, 60, 7)
        );
        assert_eq!(
            lines(later.headers()),
            [
                r#"ratelimit-policy: "user";q=60;w=60, "tenant";q=600;w=60"#,
                r#"ratelimit: "user";r=0;t=7, "tenant";r=520;t=7"#,
            ]
        );
    }

    #[test]
    fn a_tenants_refusal_names_the_tenants_limit() {
        let taken = Taken {
            standing: standing(1, 600),
            refused_by: Some(Policy::Tenant),
            changed_at: None,
        };
        let refusal = taken.refusal().unwrap();
        assert_eq!((refusal.policy(), refusal.limit()), (Policy::Tenant, 600));
        assert_eq!(
            lines(taken.of_anybody().headers()),
            [
                r#"ratelimit-policy: "user";q=60;w=60, "tenant";q=600;w=60"#,
                r#"ratelimit: "tenant";r=0;t=42"#,
            ]
        );
    }
}
