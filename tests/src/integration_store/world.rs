//! The stores with a clock that stands still, tenants in them, and what is found there.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::audit::{Action, Actor, AuditEntry};
use shared::clock::Clock;
use shared::sid::AccountSid;
use shared::store::{
    ApplicationMemory, Integrations, NewIntegration, Routes, TableNames, TenantSettings,
    WriteConflict, WriteError,
};
use shared::tenant::{Provider, TenantId, TenantScope};
use shared::verification::{Capability, Outcome, Verification};

use crate::harness::{Harness, Tenant};

/// The stores under test.
pub(super) struct World {
    pub(super) harness: &'static Harness,
    pub(super) clock: Clock,
    /// Who changes things in these tests.
    pub(super) admin: Actor,
    pub(super) routes: Routes,
    pub(super) integrations: Integrations,
    pub(super) settings: TenantSettings,
}

/// An entry of an audit log, as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) target: String,
    pub(super) detail: String,
}

impl World {
    pub(super) async fn new() -> Self {
        let harness = Harness::shared().await;
        let clock = Clock::fixed("2026-11-01T12:00:00Z".parse().unwrap());
        let table = |variable| harness.variable(variable).to_owned();
        let tables = TableNames {
            tenants: table("TENANTS_TABLE"),
            activity: table("ACTIVITY_TABLE"),
            routes: table("ROUTES_TABLE"),
        };
        let routes = Routes::new(harness.dynamodb(), table("ROUTES_TABLE"), clock.clone());
        Self {
            integrations: Integrations::new(&harness.dynamodb(), &tables, &clock),
            settings: TenantSettings::new(harness.dynamodb(), tables.tenants, clock.clone()),
            routes,
            clock,
            admin: Actor::User("auth0|admin".to_owned()),
            harness,
        }
    }

    /// A tenant as `seed` stores it: with credentials that nobody checked.
    pub(super) async fn seeded(&self) -> Tenant {
        self.harness.tenant(json!({})).await
    }

    /// A tenant without credentials, and an account that nobody has.
    pub(super) async fn bare(&self) -> (TenantScope, AccountSid) {
        let mut document = Harness::document(json!({}));
        let account = document["twilio"]["account_sid"].take();
        document.as_object_mut().unwrap().remove("twilio");
        self.store(&document).await;
        let id: TenantId = serde_json::from_value(document["tenant_id"].take()).unwrap();
        let scope = self.harness.console().scope(&id);
        (scope, serde_json::from_value(account).unwrap())
    }

    /// Stores a tenant, or stores it anew, as `seed` does.
    pub(super) async fn store(&self, document: &Value) {
        let tenant = serde_json::from_value(document.clone()).unwrap();
        self.harness.console().store(&tenant).await.unwrap();
    }

    /// Begins the deletion of a tenant.
    pub(super) async fn begin_deletion(&self, scope: &TenantScope) {
        let update = self.harness.dynamodb().update_item();
        let sent = update
            .table_name(self.harness.variable("TENANTS_TABLE"))
            .key("pk", text(&format!("{}#tenant", scope.tenant_id())))
            .key("sk", text("profile"))
            .update_expression("SET #status = :deleting")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":deleting", text("deleting"))
            .send();
        sent.await.unwrap();
    }

    /// A tenant's audit log, oldest first.
    pub(super) async fn log(&self, scope: &TenantScope) -> Vec<Logged> {
        let query = self.harness.dynamodb().query();
        let sent = query
            .table_name(self.harness.variable("TENANTS_TABLE"))
            .key_condition_expression("pk = :log")
            .expression_attribute_values(":log", text(&format!("{}#audit", scope.tenant_id())))
            .consistent_read(true)
            .send();
        let items = sent.await.unwrap().items.unwrap_or_default();
        let items = items.iter();
        items
            .map(|item| {
                let member = |name: &str| item[name].as_s().unwrap().clone();
                Logged {
                    actor: member("actor"),
                    action: member("action"),
                    target: member("target"),
                    detail: member("detail"),
                }
            })
            .collect()
    }

    /// The actions in a tenant's log, sorted: those of one transaction are of one moment.
    pub(super) async fn actions(&self, scope: &TenantScope) -> Vec<String> {
        let log = self.log(scope).await.into_iter();
        let mut actions: Vec<_> = log.map(|entry| entry.action).collect();
        actions.sort();
        actions
    }

    /// Who holds an account, and whether without proof.
    pub(super) async fn holder(&self, account: &AccountSid) -> Option<(TenantId, bool)> {
        let route = self.routes.resolve(account).await.unwrap()?;
        Some((route.tenant_id().clone(), route.is_provisional()))
    }

    /// An entry of an administrator's.
    pub(super) fn entry(&self, action: Action) -> AuditEntry {
        AuditEntry {
            at: self.clock.now(),
            actor: self.admin.clone(),
            action,
            target: "twilio".to_owned(),
            detail: String::new(),
        }
    }

    /// A check, made now.
    pub(super) fn check(&self, outcome: Outcome) -> Verification {
        let capabilities = match outcome {
            Outcome::Valid => vec![Capability::ReceiveWebhooks, Capability::IssueTokens],
            _ => Vec::new(),
        };
        let error = (outcome != Outcome::Valid).then(|| format!("it is {}", outcome.as_str()));
        Verification {
            proves_account: outcome.is_proof(),
            outcome,
            capabilities,
            checked_at: self.clock.now(),
            error,
        }
    }

    /// Twilio credentials with these secrets, checked or not.
    pub(super) fn twilio(
        &self,
        account: &AccountSid,
        secrets: &str,
        outcome: Option<Outcome>,
    ) -> NewIntegration {
        let summary = json!({"account_sid": account.as_str(), "auth_token": "••••"});
        NewIntegration {
            provider: Provider::Twilio,
            message: format!("sealed {secrets}").into_bytes(),
            account_sid: Some(account.clone()),
            summary: summary.as_object().unwrap().clone(),
            fingerprint: Some(secrets.to_owned()),
            secrets_fingerprint: Some(secrets.to_owned()),
            verification: outcome.map(|outcome| self.check(outcome)),
            keeps_auth_tokens: false,
            expires_at: None,
            run: None,
        }
    }

    /// What is remembered of Apps.
    pub(super) fn memory(&self) -> ApplicationMemory {
        let table = self.harness.variable("TENANTS_TABLE").to_owned();
        ApplicationMemory::new(self.harness.dynamodb(), table)
    }
}

/// What stood against a write.
pub(super) fn conflict<T: std::fmt::Debug>(refused: Result<T, WriteError>) -> WriteConflict {
    match refused.unwrap_err() {
        WriteError::Conflict(conflict) => conflict,
        error => panic!("{error}"),
    }
}

/// A string attribute.
pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
