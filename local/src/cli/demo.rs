//! The demo tenants: stored when the stack comes up, and what the first screen says of them.

use shared::address::PhoneNumber;
use shared::environment::Environment;
use shared::onboarding::{NewTenant, OnboardingError};
use shared::store::StoreError;
use shared::tenant::{TenantId, TenantStatus};

use super::Failure;
use crate::console::Console;
use crate::stack::Stack;
use crate::twilio::DEMO_TENANTS;

/// A demo tenant that is there.
#[derive(Debug)]
pub(super) struct DemoTenant {
    pub(super) id: TenantId,
    /// Its name and number, and that it is suspended, if so.
    pub(super) text: String,
    /// Whether it is served.
    pub(super) is_active: bool,
    /// Whether it has an account for Twilio to be played with.
    has_account: bool,
}

/// Stores the demo tenants that are not there yet: what somebody changed of them stays. Returns those that are there now.
/// One that was deleted, and one whose account is another tenant's by now, is left out: a stack comes up all the same.
pub(super) async fn tenants(stack: &Stack) -> Result<Vec<DemoTenant>, Failure> {
    let console = Console::open(&Environment::of(stack.environment().clone()))
        .map_err(|fault| format!("{fault}: give the functions of the template what is missing"))?;
    let demo: Vec<NewTenant> = serde_json::from_str(DEMO_TENANTS)?;
    let mut there = Vec::new();
    for tenant in demo {
        let mut record = console.record(&tenant.tenant_id).await?;
        if record.is_none() {
            match console.store(&tenant).await {
                Ok(()) => record = console.record(&tenant.tenant_id).await?,
                Err(OnboardingError::Store(StoreError::Conflict { conflict, .. })) => {
                    let id = &tenant.tenant_id;
                    eprintln!("The demo tenant {id} is left out: {conflict}.");
                }
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(record) = record.filter(|record| record.status != TenantStatus::Deleting) {
            there.push(DemoTenant::new(
                tenant,
                record.status,
                record.twilio.is_some(),
            ));
        }
    }
    Ok(there)
}

impl DemoTenant {
    fn new(tenant: NewTenant, status: TenantStatus, has_account: bool) -> Self {
        let number = tenant.twilio.and_then(|twilio| twilio.phone_number);
        let number = number.as_ref().filter(|_| has_account);
        let number = number.map_or("no number", PhoneNumber::as_str);
        let is_active = status == TenantStatus::Active;
        let status = if is_active { "" } else { ", suspended" };
        Self {
            id: tenant.tenant_id,
            text: format!("{}, {number}{status}", tenant.name),
            is_active,
            has_account,
        }
    }
}

/// The command to try next: with the first tenant that answers, or else one that works without any. `data` is what names the
/// data folder to other commands, with a space before it, or nothing.
pub(super) fn next(tenants: &[DemoTenant], data: &str) -> String {
    let mut answering = tenants
        .iter()
        .filter(|tenant| tenant.is_active && tenant.has_account);
    answering.next().map_or_else(
        || "cargo run -- help".to_owned(),
        |tenant| {
            format!(
                r#"cargo run -- simulate sms --tenant {} --from +15005550010 --body "Hello"{data}"#,
                tenant.id
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The demo tenants, of which the first is as told.
    fn demo(status: TenantStatus, has_account: bool) -> Vec<DemoTenant> {
        let tenants: Vec<NewTenant> = serde_json::from_str(DEMO_TENANTS).unwrap();
        let first = std::iter::once((status, has_account));
        let states = first.chain(std::iter::repeat((TenantStatus::Active, true)));
        let tenants = tenants.into_iter().zip(states);
        tenants
            .map(|(tenant, (status, has_account))| DemoTenant::new(tenant, status, has_account))
            .collect()
    }

    #[test]
    fn the_next_command_is_for_the_first_tenant_that_answers() {
        let next = |status, has_account| next(&demo(status, has_account), " --data '/d'");
        let first = next(TenantStatus::Active, true);
        assert!(first.contains("--tenant acme") && first.ends_with(" --data '/d'"));
        assert!(next(TenantStatus::Suspended, true).contains("--tenant globex"));
        assert!(next(TenantStatus::Active, false).contains("--tenant globex"));
        // It takes no data folder.
        assert_eq!(super::next(&[], " --data '/d'"), "cargo run -- help");
    }

    #[test]
    fn what_a_tenant_has_no_more_is_not_told_of_it() {
        let tenants = demo(TenantStatus::Suspended, false);
        assert_eq!(tenants[0].text, "Acme Plumbing, no number, suspended");
        assert_eq!(tenants[1].text, "Globex Support, +15005550201");
    }
}
