//! Who calls: the claims of a verified token, and the tenant that they may act for.

use super::tenant_hosts::Selection;
use super::{Code, Problem, Role};
use crate::audit::Actor;
use crate::environment::Environment;
use crate::http::HttpRequest;
use crate::tenant::{Operator, TenantId, TenantScope};

/// The longest `sub` that `OpenID` Connect allows, in characters.
const LONGEST_SUBJECT: usize = 255;

/// The names of the claims, which differ by issuer (Cognito: `custom:tenant_id` and `cognito:groups`).
#[derive(Debug, Clone)]
pub(super) struct ClaimNames {
    tenant: String,
    roles: String,
}

impl ClaimNames {
    /// Reads `TENANT_CLAIM` and `ROLES_CLAIM`; by default `tenant_id` and `roles`.
    pub(super) fn from_environment(environment: &Environment) -> Self {
        let name = |variable, default: &str| {
            let name = environment.optional(variable).unwrap_or(default);
            name.to_owned()
        };
        Self {
            tenant: name("TENANT_CLAIM", "tenant_id"),
            roles: name("ROLES_CLAIM", "roles"),
        }
    }
}

/// A user of the API, as its token's claims say. The gateway's authorizer verified them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    subject: String,
    role: Role,
    tenant: Option<TenantId>,
}

impl Caller {
    /// Reads the claims of a request.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] without a usable `sub`, [`Code::RoleRequired`] when the token names no role.
    pub(super) fn of(request: &HttpRequest, names: &ClaimNames) -> Result<Self, Problem> {
        let subject = request.claim("sub").unwrap_or_default();
        if subject.is_empty() || subject.chars().count() > LONGEST_SUBJECT {
            let detail = "The token has no sub of 1 to 255 characters: take one from the issuer that this API trusts.";
            return Err(Problem::new(Code::Unauthenticated, detail));
        }
        let role = request.claim(&names.roles).and_then(Role::of_claim);
        let role = role.ok_or_else(|| {
            let detail = format!(
                "The token's claim {} names none of member, admin and operator.",
                names.roles
            );
            Problem::new(Code::RoleRequired, detail)
        })?;
        // An array, flattened to `[…]`, is no tenant id: a token of several tenants would be of none.
        let tenant = request.claim(&names.tenant);
        Ok(Self {
            subject: subject.to_owned(),
            role,
            tenant: tenant.and_then(|tenant| tenant.parse().ok()),
        })
    }

    /// The token's `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its highest role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The tenant that its token names.
    pub(super) fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    /// Its name in the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::User(self.subject.clone())
    }

    /// Proof that it operates the platform.
    pub(super) fn operator(&self) -> Option<Operator> {
        (self.role == Role::Operator).then(Operator::claimed)
    }

    /// The proof that it may act for a tenant: its own, or as an operator the one that the request selects. A selection
    /// never gives access: it must agree with the claim.
    ///
    /// # Errors
    /// [`Code::NoTenant`] when the token is of no tenant, [`Code::TenantMismatch`] when the request selects another one,
    /// whether or not there is such a tenant, [`Code::TenantRequired`] when an operator selects none.
    pub(super) fn scope(&self, selected: &Selection) -> Result<TenantScope, Problem> {
        if let Some(operator) = self.operator() {
            let tenant = match (selected, &self.tenant) {
                (Selection::Tenant(tenant), _) | (Selection::Nothing, Some(tenant)) => tenant,
                (Selection::UnknownHost, _) => {
                    let detail = "No tenant has the subdomain of this host.";
                    return Err(Problem::new(Code::TenantNotFound, detail));
                }
                (Selection::Nothing, None) => {
                    let detail = "An operator says by X-Tenant-Id which tenant to act for.";
                    return Err(Problem::new(Code::TenantRequired, detail));
                }
            };
            return Ok(operator.scope(tenant.clone()));
        }
        let own = self.tenant.clone().ok_or_else(|| {
            let detail = "The token's tenant claim is missing, or is no tenant's id.";
            Problem::new(Code::NoTenant, detail)
        })?;
        let agrees = match selected {
            Selection::Nothing => true,
            Selection::Tenant(selected) => *selected == own,
            Selection::UnknownHost => false,
        };
        if agrees {
            return Ok(TenantScope::new(own));
        }
        let detail = "The request selects another tenant than the token's: leave X-Tenant-Id out, or use the tenant's \
                      own host.";
        Err(Problem::new(Code::TenantMismatch, detail))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn caller(claims: &Value) -> Result<Caller, Code> {
        let event = json!({
            "rawPath": "/api/token",
            "requestContext": {
                "domainName": "api.example.com", "http": {"method": "POST"},
                "authorizer": {"jwt": {"claims": claims}}
            }
        });
        let request = HttpRequest::from_event(&event.to_string(), 1_000).unwrap();
        let names = ClaimNames::from_environment(&Environment::of([("ROLES_CLAIM", "groups")]));
        Caller::of(&request, &names).map_err(|problem| problem.code)
    }

    fn scope(caller: &Caller, selected: Option<&str>) -> Result<String, Code> {
        let selected = match selected {
            None => Selection::Nothing,
            Some("") => Selection::UnknownHost,
            Some(id) => Selection::Tenant(id.parse().unwrap()),
        };
        let scope = caller.scope(&selected).map_err(|problem| problem.code)?;
        Ok(scope.tenant_id().to_string())
    }

    #[test]
    fn claims_have_the_names_that_the_environment_gives() {
        let caller = caller(&json!({"sub": "u1", "tenant_id": "acme", "groups": "[admin member]"}));
        let caller = caller.unwrap();
        assert_eq!((caller.subject(), caller.role()), ("u1", Role::Admin));
        assert_eq!(scope(&caller, None), Ok("acme".to_owned()));
    }

    #[test]
    fn a_token_without_a_subject_or_a_role_is_refused() {
        let no_role = json!({"sub": "u1", "tenant_id": "acme", "roles": "[admin]"});
        assert_eq!(caller(&no_role), Err(Code::RoleRequired));
        for subject in [json!(""), json!(null), json!(7), json!("x".repeat(256))] {
            let claims = json!({"sub": subject, "tenant_id": "acme", "groups": "[admin]"});
            assert_eq!(caller(&claims), Err(Code::Unauthenticated), "{claims}");
        }
    }

    #[test]
    fn a_selection_must_agree_with_the_claim() {
        let claims = json!({"sub": "u1", "tenant_id": "acme", "groups": "[admin]"});
        let admin = caller(&claims).unwrap();
        assert_eq!(scope(&admin, Some("acme")), Ok("acme".to_owned()));
        assert_eq!(scope(&admin, Some("globex")), Err(Code::TenantMismatch));
        assert_eq!(scope(&admin, Some("")), Err(Code::TenantMismatch));
        let of_none = caller(&json!({"sub": "u1", "groups": "[admin]"})).unwrap();
        assert_eq!(scope(&of_none, Some("acme")), Err(Code::NoTenant));
    }

    #[test]
    fn a_claim_that_names_several_tenants_names_none() {
        for tenant in ["[acme globex]", "[acme]", "acme globex", "ACME", ""] {
            let claims = json!({"sub": "u1", "tenant_id": tenant, "groups": "[admin]"});
            let caller = caller(&claims).unwrap();
            assert_eq!(scope(&caller, None), Err(Code::NoTenant), "{tenant}");
        }
    }

    #[test]
    fn an_operator_acts_for_the_tenant_that_it_selects() {
        let operator = caller(&json!({"sub": "o1", "groups": "[operator]"})).unwrap();
        assert_eq!(scope(&operator, Some("globex")), Ok("globex".to_owned()));
        assert_eq!(scope(&operator, None), Err(Code::TenantRequired));
        assert_eq!(scope(&operator, Some("")), Err(Code::TenantNotFound));
    }
}
