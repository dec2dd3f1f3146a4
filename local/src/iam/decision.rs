//! Whether a call is allowed, by the policies of whoever calls and of what is called.

use super::policy::{Policy, Request, Verdict};
use super::principal::{Principal, Reach};

/// Why a call is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Who called.
    pub principal: String,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// What denied it.
    pub reason: Reason,
    /// The statements of the caller's that would allow it if their conditions held.
    pub nearly: Vec<String>,
}

/// What denied a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No policy of the caller's allows it.
    NotAllowed,
    /// A policy of the caller's denies it.
    DeniedByCaller,
    /// The resource's policy does not allow it.
    NotAllowedByResource,
    /// The resource's policy denies it.
    DeniedByResource,
}

impl std::fmt::Display for Denial {
    /// The sentence that AWS answers with.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            principal,
            action,
            resource,
            ..
        } = self;
        write!(
            formatter,
            "User: {principal} is not authorized to perform: {action} on resource: {resource} "
        )?;
        match self.reason {
            Reason::NotAllowed => write!(
                formatter,
                "because no identity-based policy allows the {action} action"
            ),
            Reason::DeniedByCaller => {
                formatter.write_str("with an explicit deny in an identity-based policy")
            }
            Reason::NotAllowedByResource => write!(
                formatter,
                "because no resource-based policy allows the {action} action"
            ),
            Reason::DeniedByResource => {
                formatter.write_str("with an explicit deny in a resource-based policy")
            }
        }
    }
}

/// How the policy of a resource takes part.
#[derive(Debug, Clone, Copy)]
pub enum ResourcePolicy<'a> {
    /// The resource has none: the caller's policies decide.
    None,
    /// A KMS key's: who is allowed by name needs nothing else, and who is allowed by the account needs a policy of its own.
    Key(&'a Policy),
    /// A role's trust policy: it must allow, and the caller's policies too. AWS asks for the latter only if the trust is in the
    /// account; here it is always asked for, so that both ends are written out.
    Trust(&'a Policy),
}

/// Decides on a call.
///
/// # Errors
/// Why it is not allowed.
pub fn decide(
    own: &Policy,
    resource_policy: ResourcePolicy<'_>,
    request: &Request,
    principal: &Principal,
) -> Result<(), Denial> {
    let denied = |reason| {
        Err(Denial {
            principal: principal.arn(),
            action: request.action.clone(),
            resource: request.resource.clone(),
            reason,
            nearly: own
                .nearly(request, principal)
                .into_iter()
                .map(str::to_owned)
                .collect(),
        })
    };
    let by_resource = match resource_policy {
        ResourcePolicy::None => None,
        ResourcePolicy::Key(policy) | ResourcePolicy::Trust(policy) => {
            Some(policy.verdict(request, principal))
        }
    };
    let by_caller = own.verdict(request, principal);
    if by_caller == Verdict::Denied {
        return denied(Reason::DeniedByCaller);
    }
    let is_trust = matches!(resource_policy, ResourcePolicy::Trust(_));
    match by_resource {
        Some(Verdict::Denied) => return denied(Reason::DeniedByResource),
        Some(Verdict::Silent) => return denied(Reason::NotAllowedByResource),
        Some(Verdict::Allowed(Reach::Direct)) if !is_trust => return Ok(()),
        Some(Verdict::Allowed(_)) | None => {}
    }
    match by_caller {
        Verdict::Allowed(_) => Ok(()),
        Verdict::Silent | Verdict::Denied => denied(Reason::NotAllowed),
    }
}
