//! Integrations: credentials that can be written and never read back.

use serde::Serialize;
use serde_json::{Map, Value};
use shared::api::{Call, Code, Problem, json};
use shared::clock::rfc3339;
use shared::drift::{DriftFinding, DriftedResource};
use shared::http::{Reply, StatusCode};
use shared::input::Document;
use shared::integrations::{Entry, Saved};
use shared::store::IntegrationRecord;
use shared::tenant::{Provider, TenantScope};
use shared::verification::{Capability, Outcome};

use crate::rotation::{RotationState, state};
use crate::service::Credentials;

pub(crate) async fn list(credentials: &Credentials, scope: &TenantScope) -> Result<Reply, Problem> {
    let records = credentials.integrations.list(scope).await?;
    let list = Integrations {
        items: records.iter().map(document).collect(),
        next_cursor: None,
    };
    Ok(json(StatusCode::OK, &list))
}

pub(crate) async fn read(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let record = credentials
        .integrations
        .read(scope, provider(call)?)
        .await?;
    Ok(answer(StatusCode::OK, &record))
}

pub(crate) async fn replace(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let (provider, body) = (provider(call)?, call.document()?);
    let Saved { record, is_new } = credentials
        .integrations
        .replace(scope, provider, entry(call, &body)?)
        .await?;
    if is_new {
        let location = format!("/api/integrations/{provider}");
        return Ok(answer(StatusCode::CREATED, &record).location(location));
    }
    Ok(answer(StatusCode::OK, &record))
}

/// Makes sure that the platform can keep the credentials of its own Twilio account, as an operator stores them under the reserved
/// id. Nobody else is let in under it.
pub(crate) async fn make_room_for_the_platforms_own(
    credentials: &Credentials,
    call: &Call,
) -> Result<(), Problem> {
    let is_platforms = call.scope()?.tenant_id().is_reserved();
    if is_platforms && call.operator().is_ok() && provider(call)? == Provider::Twilio {
        let now = credentials.clock.now();
        credentials.profiles.make_platforms(now).await?;
    }
    Ok(())
}

pub(crate) async fn update(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let (provider, body) = (provider(call)?, call.document()?);
    let saved = credentials
        .integrations
        .update(scope, provider, entry(call, &body)?)
        .await?;
    Ok(answer(StatusCode::OK, &saved.record))
}

pub(crate) async fn delete(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let (provider, expected) = (provider(call)?, call.expected()?);
    credentials
        .integrations
        .delete(scope, provider, expected, &call.actor())
        .await?;
    Ok(Reply::no_content())
}

pub(crate) async fn verify(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let provider = provider(call)?;
    let verification = credentials
        .integrations
        .verify(scope, provider, &call.actor(), call.deadline())
        .await?;
    let result = VerificationResult {
        provider,
        outcome: verification.outcome,
        capabilities: &verification.capabilities,
        checked_at: rfc3339(verification.checked_at),
        error: verification.error.as_deref(),
    };
    Ok(json(StatusCode::OK, &result))
}

/// The provider that the path names. What is none is no route.
fn provider(call: &Call) -> Result<Provider, Problem> {
    call.parameter().parse().map_err(|form| {
        let detail = format!("The path names no provider: {form}.");
        Problem::new(Code::NotFound, detail)
    })
}

fn entry<'a>(call: &Call, document: &'a Document) -> Result<Entry<'a>, Problem> {
    Ok(Entry {
        document,
        expected: call.expected()?,
        is_checked: call.flag("verify", true)?,
        actor: call.actor(),
        deadline: call.deadline(),
    })
}

#[derive(Serialize)]
struct Integrations<'a> {
    items: Vec<Integration<'a>>,
    /// There are five providers: one page holds them all.
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct VerificationResult<'a> {
    provider: Provider,
    outcome: Outcome,
    capabilities: &'a [Capability],
    checked_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What the daily check last found of the account's TwiML App and numbers.
#[derive(Serialize)]
struct DriftState<'a> {
    checked_at: String,
    found: &'a [DriftFinding],
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unseen: &'a [DriftedResource],
}

#[derive(Serialize)]
struct Integration<'a> {
    provider: Provider,
    is_active: bool,
    version: u64,
    status: Option<Outcome>,
    capabilities: &'a [Capability],
    last_verified_at: Option<String>,
    verification_error: Option<&'a str>,
    last_used_at: Option<String>,
    rotated_at: Option<String>,
    expires_at: Option<String>,
    updated_at: String,
    updated_by: &'a str,
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<RotationState<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<DriftState<'a>>,
    config: &'a Map<String, Value>,
}

fn answer(status: StatusCode, record: &IntegrationRecord) -> Reply {
    json(status, &document(record)).etag(record.version)
}

fn drift(record: &IntegrationRecord) -> Option<DriftState<'_>> {
    let report = record.drift.as_ref();
    // What was found of an account that was the tenant's before is nothing of this one's.
    let report = report.filter(|report| record.account_sid.as_ref() == Some(&report.account_sid));
    report.map(|report| DriftState {
        checked_at: rfc3339(report.checked_at),
        found: &report.found,
        more: (report.more > 0).then_some(report.more),
        unseen: &report.unseen,
    })
}

fn document(record: &IntegrationRecord) -> Integration<'_> {
    Integration {
        provider: record.provider,
        is_active: record.is_active,
        version: record.version,
        status: record.status,
        capabilities: &record.capabilities,
        last_verified_at: record.last_verified_at.map(rfc3339),
        verification_error: record.verification_error.as_deref(),
        last_used_at: record.last_used_at.map(rfc3339),
        rotated_at: record.rotated_at.map(rfc3339),
        expires_at: record.expires_at.map(rfc3339),
        updated_at: rfc3339(record.updated_at),
        updated_by: &record.updated_by,
        fingerprint: record.fingerprint.as_deref(),
        rotation: record.rotation.as_ref().map(state),
        drift: drift(record),
        config: &record.summary,
    }
}
