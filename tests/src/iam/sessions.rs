//! Sessions of tenants: what a function may reach is decided by the tenant of the call, not by the keys that it asks for.

mod life;
mod reach;

use jiff::Timestamp;
use local::emulators::wire::{Call, Calls};
use shared::aws::{Aws, Patience, SessionRoles};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::tenant::TenantId;

use crate::harness::Harness;

/// What a function of the client API has in AWS: its own credentials and the role of its tenants' sessions. `name` is what its
/// resources in the template begin with.
fn aws_of(harness: &Harness, name: &str, clock: &Clock) -> Aws {
    let access = harness.stack.emulators().access();
    let session = access.function_session(&format!("{name}Function"), "test", "test");
    let session = session.unwrap();
    let credentials = session.credentials();
    let rules = access.rules().unwrap();
    let role = |logical_id: &str| rules.role(logical_id).unwrap().arn.clone();
    let mut variables = harness.stack.environment().clone();
    variables.extend(
        [
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
            (
                "AWS_SECRET_ACCESS_KEY",
                credentials.secret_access_key.clone(),
            ),
            ("AWS_SESSION_TOKEN", credentials.session_token.clone()),
            ("TENANT_ROLE_ARN", role(&format!("{name}TenantRole"))),
            ("TAKE_OVER_ROLE_ARN", role("TakeOverRole")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let environment = Environment::of(variables);
    let aws = Aws::from_environment(&environment, Patience::REQUEST).unwrap();
    let roles = SessionRoles::with_take_over(&environment).unwrap();
    aws.with_tenant_sessions(roles, clock.clone())
}

/// A clock that stands until a test moves it.
fn still() -> Clock {
    Clock::fixed(Timestamp::UNIX_EPOCH)
}

/// The tenant of the session that a call was made in.
pub(super) fn tenant_of(call: &Call) -> Option<&str> {
    let caller = call.by.as_ref()?;
    caller.principal().tag("tenant").map(String::as_str)
}

/// How many sessions of a tenant and a role STS was asked for.
fn sessions_of(harness: &Harness, tenant: &TenantId, role: &str) -> usize {
    let emulators = harness.stack.emulators();
    let role = &emulators.access().rules().unwrap().role(role).unwrap().arn;
    let calls = emulators.sts().wire().calls().operation("AssumeRole");
    let calls = calls.resource(role).partition(&format!("{tenant}#"));
    calls.count()
}

/// The partitions that calls touched in the name of another tenant than theirs, as `tenant: partition`. What a session may reach
/// beside its tenant's data is the platform's, and routes.
pub(super) fn crossings(calls: &Calls) -> Vec<String> {
    let mut crossings = Vec::new();
    for call in calls.iter() {
        let Some(tenant) = tenant_of(call) else {
            continue;
        };
        let displaced = call
            .by
            .as_ref()
            .and_then(|by| by.principal().tag("displaced"));
        for partition in call.targets.iter().filter_map(|it| it.partition.as_ref()) {
            let (whose, _) = partition.split_once('#').unwrap_or((partition, ""));
            let is_known = [tenant, "platform", "twilio-account", "subdomain"].contains(&whose)
                || displaced.is_some_and(|displaced| displaced == whose);
            if !is_known {
                crossings.push(format!("{tenant}: {} {partition}", call.operation));
            }
        }
    }
    crossings
}
