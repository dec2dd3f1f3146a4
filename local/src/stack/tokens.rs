//! What the stack's tokens have to say so that its API takes them.

use std::collections::BTreeMap;

use crate::deployment::Deployment;
use crate::issuer::{Issuer, TokenProfile};
use crate::running::RunningApi;
use crate::template::{STACK_NAME, Template};

/// The parameters that have another default here than the template's own, where the template has them: its API takes the
/// tokens of the local issuer, and names below `localhost` are subdomains.
pub(super) fn local_parameters(issuer: &str) -> BTreeMap<String, String> {
    let parameters = [
        ("JwtIssuer", issuer),
        ("JwtAudience", STACK_NAME),
        ("BaseDomain", "localhost"),
    ];
    parameters
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// What the API's authorizer and functions expect of tokens; `None` if nobody expects any.
pub(super) fn profile(
    template: &Template,
    environment: &BTreeMap<String, String>,
) -> Option<TokenProfile> {
    let (_, api) = template.http_api()?;
    let authorizer = api.authorizer.as_ref()?;
    let claim = |variable: &str, default: &str| {
        let name = environment.get(variable).map_or(default, String::as_str);
        name.to_owned()
    };
    Some(TokenProfile {
        audience: authorizer.audience.first().cloned().unwrap_or_default(),
        tenant_claim: claim("TENANT_CLAIM", "tenant_id"),
        roles_claim: claim("ROLES_CLAIM", "roles"),
    })
}

pub(super) fn running_api(
    template: &Template,
    deployment: &Deployment,
    issuer: Option<&Issuer>,
) -> Option<RunningApi> {
    let (_, api) = template.http_api()?;
    let trusted = api.authorizer.as_ref()?.issuer.clone();
    Some(RunningApi {
        url: deployment.api_url()?.to_owned(),
        issuer_url: issuer?.url().to_owned(),
        trusted_issuer: trusted,
    })
}
