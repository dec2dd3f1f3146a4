//! Settings: what a tenant decides about its own calls and messages.

use serde_json::{Map, Value};
use shared::api::{Call, Problem, json};
use shared::audit::{Action, AuditEntry};
use shared::http::{Reply, StatusCode};
use shared::integrations::fields;
use shared::store::StoredSettings;
use shared::tenant::{Settings, TenantScope};

use crate::service::Credentials;

pub(crate) async fn read(credentials: &Credentials, scope: &TenantScope) -> Result<Reply, Problem> {
    answer(&credentials.settings.read(scope).await?)
}

pub(crate) async fn update(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let (expected, body) = (call.expected()?, call.document()?);
    let stored = credentials.settings.read(scope).await?;
    expected.met_by(Some(stored.version))?;
    let settings = stored.settings.patched(body.value())?;
    let entry = AuditEntry {
        at: credentials.clock.now(),
        actor: call.actor(),
        action: Action::SettingsUpdated,
        target: "settings".to_owned(),
        detail: fields(&body),
    };
    let updated = credentials
        .settings
        .put(scope, &settings, stored.version, &entry)
        .await?;
    answer(&updated)
}

/// Every field, whether it is set or not.
fn answer(stored: &StoredSettings) -> Result<Reply, Problem> {
    let set = serde_json::to_value(&stored.settings).map_err(Problem::internal)?;
    let mut document: Map<String, Value> = Settings::FIELDS
        .iter()
        .map(|field| ((*field).to_owned(), Value::Null))
        .collect();
    if let Value::Object(set) = set {
        document.extend(set);
    }
    Ok(json(StatusCode::OK, &document).etag(stored.version))
}
