//! A deployment whose parameters are not the defaults.

use std::sync::OnceLock;

use crate::harness::Harness;

/// Requests a minute of one user, and of all users of a tenant.
pub(super) const USER_LIMIT: u64 = 5;
pub(super) const TENANT_LIMIT: u64 = 8;

/// What the base domain is below `localhost`.
pub(super) const BASE_DOMAIN_BELOW_LOCALHOST: &str = "app";

/// How many processes a function may have.
pub(super) const PROCESSES: usize = 4;

/// The functions of the API.
pub(super) const FUNCTIONS: [&str; 4] = ["token", "credentials", "messaging", "tenants"];

/// A stack with small limits, the claims of Cognito and a base domain of its own, whose functions log all they can. It is
/// shared by the tests that need one of these.
pub(super) async fn with_parameters() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    Harness::once(&STACK, |options| {
        let base_domain = format!("{BASE_DOMAIN_BELOW_LOCALHOST}.localhost");
        let parameters = [
            ("TenantClaim", "custom:tenant_id".to_owned()),
            ("RolesClaim", "cognito:groups".to_owned()),
            ("BaseDomain", base_domain),
            ("UserRateLimit", USER_LIMIT.to_string()),
            ("TenantRateLimit", TENANT_LIMIT.to_string()),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
        options.parameters = parameters.into();
        let loud = [("LOG_LEVEL".to_owned(), "trace".to_owned())];
        let loud = FUNCTIONS.map(|name| (name.to_owned(), loud.clone().into()));
        options.overrides = loud.into();
        options.concurrency = PROCESSES;
    })
    .await
}
