//! Sessions of tenants: who acts for a tenant has credentials that reach this tenant's data and no other's.
//!
//! Which session a call is signed with is decided when the tenant is admitted, and kept by the task that works for it. No key of any
//! item has a say in it: one that is built wrongly is refused by AWS (docs/decisions/0009-tenant-sessions.md).

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, future};
use tracing::warn;

use super::sts::{Asked, SESSION_SECONDS, SessionError, Sts};
use crate::cache::{Cache, CacheLimits};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::tenant::TenantId;

/// The tags of a session. The roles' policies name them.
const TENANT: &str = "tenant";
const DISPLACED: &str = "displaced";

/// For how long a session is used before another is begun, and for how much longer while STS does not answer. A call works for 29
/// seconds at most, so that no session ends under it.
const RENEWED_AFTER: Duration = Duration::from_mins(10);
const USED_WITHOUT_STS: Duration = Duration::from_mins(4);
const _: () = assert!(
    RENEWED_AFTER.as_secs() + USED_WITHOUT_STS.as_secs() + 60 <= SESSION_SECONDS as u64,
    "a session is never used in its last minute"
);

/// How many sessions a process keeps, the least recently used giving way.
const SESSIONS: CacheLimits = CacheLimits {
    capacity: NonZeroUsize::new(1_000).unwrap(),
    time_to_live: RENEWED_AFTER,
    stale_window: USED_WITHOUT_STS,
    refresh_interval: Duration::MAX,
};

tokio::task_local! {
    /// Whom the task acts for; nobody, while it acts as the function itself.
    static ACTING: Option<Acting>;
}

/// In whose name a task's calls are signed.
#[derive(Clone)]
struct Acting {
    sessions: TenantSessions,
    tenant: TenantId,
    credentials: Arc<Credentials>,
}

/// Whose data a session reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Reach {
    tenant: TenantId,
    /// The tenant that loses an account to it.
    displaced: Option<TenantId>,
}

/// The roles that a function's sessions are of.
#[derive(Debug, Clone)]
pub struct SessionRoles {
    /// None, for administrators who run a function themselves.
    tenant: Option<RoleArn>,
    take_over: Option<RoleArn>,
}

impl SessionRoles {
    /// Those of a function that takes no account over: reads `TENANT_ROLE_ARN`, which is the ARN of a role or `none`. `None` for a
    /// fault of the environment.
    #[must_use]
    pub fn of_tenants(environment: &Environment) -> Option<Self> {
        const NAME: &str = "TENANT_ROLE_ARN";
        let tenant = match environment.optional(NAME) {
            Some("none") => None,
            _ => Some(role(environment, NAME)?),
        };
        Some(Self {
            tenant,
            take_over: None,
        })
    }

    /// Those of a function that may take an account over: reads `TAKE_OVER_ROLE_ARN` besides.
    #[must_use]
    pub fn with_take_over(environment: &Environment) -> Option<Self> {
        // Both are read before one is missed, so that every fault of the environment is named.
        let of_tenants = Self::of_tenants(environment);
        let take_over = role(environment, "TAKE_OVER_ROLE_ARN");
        Some(Self {
            take_over: Some(take_over?),
            ..of_tenants?
        })
    }

    /// Whether there are to be no sessions.
    pub(super) fn are_none(&self) -> bool {
        self.tenant.is_none()
    }
}

fn role(environment: &Environment, name: &str) -> Option<RoleArn> {
    let role = RoleArn::read(environment.required(name)?);
    if role.is_none() {
        environment.fault(format!("{name} must be the ARN of a role of IAM"));
    }
    role
}

/// The ARN of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RoleArn(String);

impl RoleArn {
    fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return None;
        };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_/-".contains(&byte);
        let name = resource.strip_prefix("role/").unwrap_or_default();
        let is_name = !name.is_empty() && name.bytes().all(allowed);
        (partition.starts_with("aws") && is_account && is_name).then(|| Self(text.to_owned()))
    }
}

/// The sessions of one process. Clones share them.
#[derive(Clone)]
pub(super) struct TenantSessions(Arc<Inner>);

struct Inner {
    sts: Sts,
    own: Credentials,
    roles: SessionRoles,
    begun: Cache<Reach, Credentials, SessionError>,
    clock: Clock,
}

impl TenantSessions {
    /// None are begun yet.
    pub(super) fn new(roles: SessionRoles, sts: Sts, own: Credentials, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            sts,
            own,
            roles,
            begun: Cache::new(SESSIONS, clock.clone()),
            clock,
        }))
    }

    /// Does work in the name of a tenant.
    pub(super) async fn act_for<F: Future>(
        &self,
        tenant: &TenantId,
        work: Pin<Box<F>>,
    ) -> Result<F::Output, SessionError> {
        self.act(tenant, None, work).await
    }

    async fn act<F: Future>(
        &self,
        tenant: &TenantId,
        displaced: Option<&TenantId>,
        work: Pin<Box<F>>,
    ) -> Result<F::Output, SessionError> {
        let reach = Reach {
            tenant: tenant.clone(),
            displaced: displaced.cloned(),
        };
        let credentials = self.session(&reach).await?;
        let acting = Acting {
            sessions: self.clone(),
            tenant: reach.tenant,
            credentials,
        };
        Ok(ACTING.scope(Some(acting), work).await)
    }

    async fn session(&self, reach: &Reach) -> Result<Arc<Credentials>, SessionError> {
        let cached = self
            .0
            .begun
            .get_or_load(reach, || self.begin(reach))
            .await?;
        if let Some(error) = cached.outage {
            warn!(%error, "a tenant's session is not renewed, and used for as long as it lasts");
        }
        Ok(cached.value)
    }

    async fn begin(&self, reach: &Reach) -> Result<Credentials, SessionError> {
        let tenant = reach.tenant.as_str();
        let mut tags = vec![(TENANT, tenant)];
        let role = match &reach.displaced {
            None => &self.0.roles.tenant,
            Some(displaced) => {
                tags.push((DISPLACED, displaced.as_str()));
                &self.0.roles.take_over
            }
        };
        let role = role.as_ref();
        let role = role.ok_or_else(|| SessionError::refused("the function has no role for it"))?;
        let asked = Asked {
            role: &role.0,
            name: tenant,
            tags: &tags,
        };
        let now = self.0.clock.now();
        self.0.sts.assume_role(&self.0.own, &asked, now).await
    }
}

/// Does work as the function itself, whomever it acts for: for what belongs to no tenant.
pub(crate) fn as_function<F: Future>(work: F) -> impl Future<Output = F::Output> {
    ACTING.scope(None, Box::pin(work))
}

/// The same work, in the name of whom the task acts for that makes it: for work that is spawned.
pub(crate) fn in_same_session<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let acting = ACTING.try_with(Clone::clone).ok().flatten();
    ACTING.scope(acting, work)
}

/// Does the work by which the tenant that the task acts for takes an account over from another: the one thing that reaches two
/// tenants. Whoever has no sessions does it as what it is.
///
/// # Errors
/// [`SessionError`]: then nothing was done.
pub(crate) fn taking_over_from<F: Future>(
    displaced: &TenantId,
    work: F,
) -> impl Future<Output = Result<F::Output, SessionError>> {
    let work = Box::pin(work);
    async move {
        match ACTING.try_with(Clone::clone).ok().flatten() {
            None => Ok(work.await),
            Some(acting) => {
                let sessions = &acting.sessions;
                sessions.act(&acting.tenant, Some(displaced), work).await
            }
        }
    }
}

/// Gives each call the credentials of whom its task acts for, and the function's own to all else. They must not be remembered: the next
/// call may be another tenant's.
#[derive(Debug)]
pub(super) struct ActingCredentials {
    pub(super) own: Credentials,
}

impl ProvideCredentials for ActingCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let acting = ACTING.try_with(|acting| {
            let acting = acting.as_ref()?;
            Some(acting.credentials.as_ref().clone())
        });
        let acting = acting.ok().flatten();
        future::ProvideCredentials::ready(Ok(acting.unwrap_or_else(|| self.own.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a function says that starts with these roles.
    fn faults(read: fn(&Environment) -> Option<SessionRoles>, roles: [&str; 2]) -> String {
        let environment = Environment::of(
            ["TENANT_ROLE_ARN", "TAKE_OVER_ROLE_ARN"]
                .into_iter()
                .zip(roles),
        );
        let roles = read(&environment);
        match environment.finish(roles) {
            Ok(_) => String::new(),
            Err(faults) => faults.to_string(),
        }
    }

    const TENANT: &str = "arn:aws:iam::123456789012:role/path/tenant";
    const TAKE_OVER: &str = "arn:aws-cn:iam::123456789012:role/take_over+1";

    #[test]
    fn who_takes_accounts_over_has_a_role_for_it() {
        assert_eq!(
            faults(SessionRoles::with_take_over, [TENANT, TAKE_OVER]),
            ""
        );
        assert_eq!(faults(SessionRoles::of_tenants, [TENANT, ""]), "");
        assert_eq!(faults(SessionRoles::of_tenants, ["none", ""]), "");
        assert_eq!(
            faults(SessionRoles::with_take_over, ["", ""]),
            "configuration: TENANT_ROLE_ARN is not set; TAKE_OVER_ROLE_ARN is not set"
        );
        assert!(faults(SessionRoles::with_take_over, [TENANT, "none"]).contains("TAKE_OVER"));
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for text in [
            "nonsense",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a role",
            "arn:aws:iam::123456789012:user/tenant",
            "arn:aws:iam::12345678901:role/tenant",
            "arn:aws:iam:eu-west-1:123456789012:role/tenant",
            "arn:aws:sts::123456789012:assumed-role/tenant/session",
        ] {
            let faults = faults(SessionRoles::of_tenants, [text, ""]);
            assert!(
                faults.starts_with("configuration: TENANT_ROLE_ARN must be the ARN of a role"),
                "{text}: {faults}"
            );
            assert!(!faults.contains(text), "{faults}");
        }
    }
}
