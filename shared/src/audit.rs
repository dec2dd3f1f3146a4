//! The audit log: who changed what, and when. Never a secret, not even a masked one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A user of the API, by the `sub` of its token.
    User(String),
    /// The person at the console.
    Console,
    /// A function that acts by itself, by its name: `verifier`, `token`.
    Function(&'static str),
}

impl Actor {
    /// The name in `updated_by` and in the log: a user's `sub` as it is; `console` and `function:verifier` for the others.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::User(subject) => format!("user:{subject}"),
            Self::Console => "console".to_owned(),
            Self::Function(name) => format!("function:{name}"),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    TenantCreated,
    TenantUpdated,
    TenantSuspended,
    TenantResumed,
    TenantDeletionRequested,
    TenantDeleted,
    CredentialStored,
    CredentialUpdated,
    CredentialDeleted,
    CredentialDeactivated,
    CredentialReactivated,
    /// The account went to the tenant that proved it; in both tenants' logs.
    AccountTakenOver,
    /// Its detail is the stage that it has come to.
    AuthTokenRotation,
    /// They cannot be opened, and so not be sealed anew; in the platform's log.
    CredentialQuarantined,
    /// A KMS key that nothing is sealed under any more was disabled; in the platform's log.
    KeyRetired,
    SettingsUpdated,
    TwimlAppCreated,
    TwimlAppAdopted,
    TwimlAppUpdated,
    /// There was another of its name.
    TwimlAppDeleted,
    /// At Twilio and here, or as the detail says.
    RecordingDeleted,
    PhoneNumberConnected,
    /// It had been connected, and something else was set at Twilio.
    PhoneNumberRepaired,
    SubaccountOpened,
    /// It had been opened, and nobody had taken note of it.
    SubaccountAdopted,
    SubaccountSuspended,
    SubaccountResumed,
    /// For good; in the platform's log.
    SubaccountClosed,
    /// Twilio suspended it, so that it could not be closed; in the platform's log.
    SubaccountLeft,
}

impl Action {
    /// The name in the log and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantCreated => "tenant_created",
            Self::TenantUpdated => "tenant_updated",
            Self::TenantSuspended => "tenant_suspended",
            Self::TenantResumed => "tenant_resumed",
            Self::TenantDeletionRequested => "tenant_deletion_requested",
            Self::TenantDeleted => "tenant_deleted",
            Self::CredentialStored => "credential_stored",
            Self::CredentialUpdated => "credential_updated",
            Self::CredentialDeleted => "credential_deleted",
            Self::CredentialDeactivated => "credential_deactivated",
            Self::CredentialReactivated => "credential_reactivated",
            Self::AccountTakenOver => "account_taken_over",
            Self::AuthTokenRotation => "auth_token_rotation",
            Self::CredentialQuarantined => "credential_quarantined",
            Self::KeyRetired => "key_retired",
            Self::SettingsUpdated => "settings_updated",
            Self::TwimlAppCreated => "twiml_app_created",
            Self::TwimlAppAdopted => "twiml_app_adopted",
            Self::TwimlAppUpdated => "twiml_app_updated",
            Self::TwimlAppDeleted => "twiml_app_deleted",
            Self::RecordingDeleted => "recording_deleted",
            Self::PhoneNumberConnected => "phone_number_connected",
            Self::PhoneNumberRepaired => "phone_number_repaired",
            Self::SubaccountOpened => "subaccount_opened",
            Self::SubaccountAdopted => "subaccount_adopted",
            Self::SubaccountSuspended => "subaccount_suspended",
            Self::SubaccountResumed => "subaccount_resumed",
            Self::SubaccountClosed => "subaccount_closed",
            Self::SubaccountLeft => "subaccount_left",
        }
    }
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what: `twilio`, `settings`, `AP…`, a tenant's id.
    pub target: String,
    /// More about it for people: names of the fields that changed, never values of secrets. May be empty.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_one_name_in_the_log_and_in_json() {
        for action in [
            Action::TenantDeletionRequested,
            Action::CredentialReactivated,
            Action::AccountTakenOver,
            Action::AuthTokenRotation,
            Action::CredentialQuarantined,
            Action::KeyRetired,
            Action::TwimlAppAdopted,
        ] {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }
}
