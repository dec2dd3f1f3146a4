//! Diagnostics: whether the connection to Twilio works, and who changed what.

use serde::Serialize;
use shared::api::{Call, Problem, json};
use shared::clock::rfc3339;
use shared::http::{Reply, StatusCode};
use shared::integrations::{Configuration, IntegrationError};
use shared::platform::CursorContext;
use shared::store::AuditRecord;
use shared::tenant::{Provider, TenantScope};
use shared::twilio::health::{self, HealthReport};
use shared::twilio::rest::ApplicationConfig;
use shared::twilio::{TwilioClient, TwilioCredentials};

use crate::service::Credentials;

pub(crate) async fn check_health(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let opened = credentials.integrations.open(scope, Provider::Twilio).await;
    let report = match opened {
        Ok((record, Configuration::Twilio(twilio))) => {
            let report = check(credentials, scope, call, &twilio).await?;
            match record.is_active {
                true => report,
                false => report.not_in_use(),
            }
        }
        Ok(_) | Err(IntegrationError::Missing(_)) => HealthReport::without_credentials(),
        Err(error) => return Err(error.into()),
    };
    Ok(json(StatusCode::OK, &report))
}

async fn check(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
    twilio: &TwilioCredentials,
) -> Result<HealthReport, Problem> {
    let account = &twilio.account_sid;
    let remembered = credentials.applications.look(scope).await?.application;
    // One of another account was the tenant's before it changed its account.
    let remembered = remembered.filter(|application| application.account_sid == *account);
    let remembered = remembered.map(|application| application.application_sid);
    let outbound = credentials.integrations.outbound();
    let client = TwilioClient::new(outbound, twilio, call.deadline());
    let expected = ApplicationConfig::of_tenant(scope.tenant_id(), account, &credentials.urls);
    let report = health::check(&client, &credentials.urls, &expected, remembered.as_ref()).await;
    if let Some(gone) = remembered.filter(|_| report.application_is_gone) {
        // The next token makes sure of one.
        credentials.applications.forget(scope, &gone).await?;
        credentials
            .integrations
            .announce(scope, Provider::Twilio)
            .await;
    }
    Ok(report)
}

pub(crate) async fn list_audit(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let context = CursorContext::of_tenant(scope, "audit", &[]);
    let page = credentials.paging.position(&context, &call.page()?).await?;
    let (records, next) = credentials.audit.list(scope, &page).await?;
    let items = records.iter().map(entry).collect();
    credentials.paging.answer(&context, items, next).await
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    at: String,
    actor: &'a str,
    action: &'a str,
    target: &'a str,
    detail: &'a str,
}

fn entry(record: &AuditRecord) -> Entry<'_> {
    Entry {
        id: &record.id,
        at: rfc3339(record.at),
        actor: &record.actor,
        action: &record.action,
        target: &record.target,
        detail: &record.detail,
    }
}
