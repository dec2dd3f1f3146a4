//! Stored credentials with everything that is known of them but the secrets.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::audit::Action;
use crate::drift::DriftReport;
use crate::sid::AccountSid;
use crate::store::StoreError;
use crate::store::assignments::Assignments;
use crate::store::item::{Attributes, Item, number, text, time};
use crate::store::routes::incomplete;
use crate::tenant::Provider;
use crate::twilio::Rotation;
use crate::verification::{Capability, Outcome, Verification};

/// A tenant's credentials of one provider: the sealed message and its state.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegrationRecord {
    /// Whose credentials they are.
    pub provider: Provider,
    /// The AWS Encryption SDK message.
    pub message: Vec<u8>,
    /// Counts what people stored: the entity tag. Checks and take-overs leave it as it is.
    pub version: u64,
    /// Whether they may be used to act for the tenant. Webhooks are verified with inactive ones too.
    pub is_active: bool,
    /// The Twilio account; of Twilio's credentials alone.
    pub account_sid: Option<AccountSid>,
    /// The configuration as it may be shown: identifiers whole, secrets masked. Empty where it was not stored.
    pub summary: Map<String, Value>,
    /// Tells whether the configuration is the same. Absent from what was seeded.
    pub fingerprint: Option<String>,
    /// Tells whether the secrets are the same, and what they belong to. Never shown; absent from what was seeded.
    pub secrets_fingerprint: Option<String>,
    /// What the last check found; absent when none was made.
    pub status: Option<Outcome>,
    /// What the credentials can do, by the last check that could tell.
    pub capabilities: Vec<Capability>,
    /// When the last check was made, whatever it found.
    pub last_verified_at: Option<Timestamp>,
    /// What is wrong, in words for the tenant's admin.
    pub verification_error: Option<String>,
    /// How many checks in a row found them invalid; one that could not tell neither counts nor interrupts.
    pub consecutive_invalid: u64,
    /// When a secret last changed.
    pub rotated_at: Option<Timestamp>,
    /// When they expire, where the provider says so.
    pub expires_at: Option<Timestamp>,
    /// When something was last done with them.
    pub last_used_at: Option<Timestamp>,
    /// When somebody last stored them.
    pub updated_at: Timestamp,
    /// Who it was.
    pub updated_by: String,
    /// The rotation of its auth token that is in progress, or the last; of Twilio's credentials alone.
    pub rotation: Option<Rotation>,
    /// The run of the verifier that checked them last; it does so once.
    pub verified_run: Option<String>,
    /// What the verifier last found of the account's TwiML App and numbers; of Twilio's credentials alone.
    pub drift: Option<DriftReport>,
    /// Counts what changed without anybody storing anything, so that a check and a save that meet do not undo each other.
    pub(super) state_version: u64,
}

/// What deactivates: the first may be a provider's mistake, and is checked again soon.
const INVALID_TO_DEACTIVATE: u64 = 2;

impl IntegrationRecord {
    /// Takes the result of a check in. Gives what it changed of importance: that the credentials are used no longer, or again.
    ///
    /// A provider that asked for patience or did not answer says nothing about the credentials: capabilities, count and use stay
    /// as they were, and so does the reason why inactive ones are.
    pub(super) fn verified(&mut self, verification: &Verification) -> Option<Action> {
        let was_active = self.is_active;
        self.status = Some(verification.outcome);
        self.last_verified_at = Some(verification.checked_at);
        match verification.outcome {
            Outcome::Valid | Outcome::Restricted => {
                self.consecutive_invalid = 0;
                self.is_active = true;
            }
            Outcome::Invalid => {
                self.consecutive_invalid = self.consecutive_invalid.saturating_add(1);
                if self.consecutive_invalid >= INVALID_TO_DEACTIVATE {
                    self.is_active = false;
                }
            }
            Outcome::RateLimited | Outcome::Unreachable => {
                if self.is_active {
                    self.verification_error.clone_from(&verification.error);
                }
                return None;
            }
        }
        self.capabilities.clone_from(&verification.capabilities);
        self.verification_error.clone_from(&verification.error);
        match (was_active, self.is_active) {
            (true, false) => Some(Action::CredentialDeactivated),
            (false, true) => Some(Action::CredentialReactivated),
            _ => None,
        }
    }

    /// What a check changes, to be stored.
    pub(super) fn state_assignments(&self) -> Result<Assignments, StoreError> {
        let mut assignments = Assignments::default();
        self.assign_state(&mut assignments)?;
        Ok(assignments)
    }

    /// Everything but the key and what other writers keep ([`IntegrationRecord::last_used_at`], [`IntegrationRecord::drift`]), to be
    /// stored.
    pub(super) fn assignments(&self) -> Result<Assignments, StoreError> {
        let mut assignments = Assignments::default();
        let message = AttributeValue::B(Blob::new(self.message.clone()));
        assignments.set("message", message);
        assignments.set("version", number(self.version));
        let account = self.account_sid.as_ref();
        assignments.set_or_remove("account_sid", account.map(|account| text(account.as_str())));
        let summary = serde_json::to_string(&self.summary);
        let summary = summary.map_err(|_| incomplete("store credentials"))?;
        assignments.set("summary", text(summary));
        assignments.set_or_remove("fingerprint", self.fingerprint.as_ref().map(text));
        let secrets = self.secrets_fingerprint.as_ref().map(text);
        assignments.set_or_remove("secrets_fingerprint", secrets);
        assignments.set_or_remove("rotated_at", self.rotated_at.map(time));
        // `expires_at` is what DynamoDB deletes an item by.
        assignments.set_or_remove("expires_at_credential", self.expires_at.map(time));
        assignments.set("updated_at", time(self.updated_at));
        assignments.set("updated_by", text(&self.updated_by));
        let rotation = self.rotation.as_ref().map(serde_json::to_string);
        let rotation = rotation.transpose();
        let rotation = rotation.map_err(|_| incomplete("store a rotation"))?;
        assignments.set_or_remove("rotation", rotation.map(text));
        self.assign_state(&mut assignments)?;
        Ok(assignments)
    }

    fn assign_state(&self, assignments: &mut Assignments) -> Result<(), StoreError> {
        let capabilities = serde_json::to_string(&self.capabilities);
        let capabilities = capabilities.map_err(|_| incomplete("store what a check found"))?;
        assignments.set("state_version", number(self.state_version));
        assignments.set("is_active", AttributeValue::Bool(self.is_active));
        let status = self.status.map(|status| text(status.as_str()));
        assignments.set_or_remove("status", status);
        assignments.set("capabilities", text(capabilities));
        assignments.set_or_remove("last_verified_at", self.last_verified_at.map(time));
        let error = self.verification_error.as_ref();
        assignments.set_or_remove("verification_error", error.map(text));
        assignments.set("consecutive_invalid", number(self.consecutive_invalid));
        let run = self.verified_run.as_ref();
        assignments.set_or_remove("verified_run", run.map(text));
        Ok(())
    }

    /// Reads an item; of one that was stored before there were checks, what they find is absent.
    pub(in crate::store) fn of_item(
        operation: &'static str,
        provider: Provider,
        item: &Item,
    ) -> Result<Self, StoreError> {
        let attributes = Attributes::of(operation, item);
        let capabilities: Option<Vec<Value>> = json(attributes, "capabilities")?;
        let count = |attribute| attributes.optional_number(attribute);
        Ok(Self {
            provider,
            message: attributes.bytes("message")?.to_vec(),
            version: attributes.number("version")?,
            is_active: attributes.flag("is_active"),
            account_sid: attributes.optional("account_sid")?,
            summary: json(attributes, "summary")?.unwrap_or_default(),
            fingerprint: attributes.optional("fingerprint")?,
            secrets_fingerprint: attributes.optional("secrets_fingerprint")?,
            status: word(attributes, "status")?,
            // One that a later version wrote is passed over, so that a deployment can be rolled back.
            capabilities: capabilities
                .unwrap_or_default()
                .into_iter()
                .filter_map(|name| serde_json::from_value(name).ok())
                .collect(),
            last_verified_at: attributes.optional("last_verified_at")?,
            verification_error: attributes.optional("verification_error")?,
            consecutive_invalid: count("consecutive_invalid")?.unwrap_or_default(),
            rotated_at: attributes.optional("rotated_at")?,
            expires_at: attributes.optional("expires_at_credential")?,
            last_used_at: attributes.optional("last_used_at")?,
            updated_at: attributes.time("updated_at")?,
            updated_by: attributes.text("updated_by")?.to_owned(),
            rotation: json(attributes, "rotation")?,
            verified_run: attributes.optional("verified_run")?,
            drift: json(attributes, "drift")?,
            state_version: count("state_version")?.unwrap_or_default(),
        })
    }
}

fn json<T: DeserializeOwned>(
    attributes: Attributes<'_>,
    attribute: &'static str,
) -> Result<Option<T>, StoreError> {
    let present = attributes.optional_text(attribute);
    present.map(|_| attributes.json(attribute)).transpose()
}

/// One of an enumeration's names; absent, or an error that names the attribute.
fn word<T: DeserializeOwned>(
    attributes: Attributes<'_>,
    attribute: &'static str,
) -> Result<Option<T>, StoreError> {
    let Some(name) = attributes.optional_text(attribute) else {
        return Ok(None);
    };
    match serde_json::from_value(Value::from(name)) {
        Ok(word) => Ok(Some(word)),
        Err(_) => Err(attributes.unreadable(attribute)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    /// What was stored before there were checks.
    fn record() -> IntegrationRecord {
        let item = [
            ("message", AttributeValue::B(Blob::new(*b"sealed"))),
            ("version", number(3)),
            ("is_active", AttributeValue::Bool(true)),
            ("account_sid", text("AC00000000000000000000000000000001")),
            ("updated_at", text("2026-03-01T12:00:00.000Z")),
            ("updated_by", text("operator")),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        IntegrationRecord::of_item("read", Provider::Twilio, &item).unwrap()
    }

    fn check(outcome: Outcome) -> Verification {
        let (capabilities, error) = match outcome {
            Outcome::Valid => (vec![Capability::CallApi, Capability::IssueTokens], None),
            Outcome::Restricted => (vec![Capability::CallApi], Some("no tokens")),
            Outcome::Invalid => (vec![], Some("not known")),
            Outcome::RateLimited => (vec![], Some("later")),
            Outcome::Unreachable => (vec![], Some("no answer")),
        };
        Verification {
            outcome,
            capabilities,
            checked_at: "2026-03-02T12:00:00Z".parse().unwrap(),
            error: error.map(str::to_owned),
            proves_account: outcome.is_proof(),
        }
    }

    /// What of importance each of these checks changed.
    fn changes(record: &mut IntegrationRecord, outcomes: &[Outcome]) -> Vec<Option<Action>> {
        let outcomes = outcomes.iter();
        outcomes
            .map(|outcome| record.verified(&check(*outcome)))
            .collect()
    }

    #[test]
    fn an_item_of_before_there_were_checks_reads_as_never_checked() {
        let record = record();
        assert_eq!((record.version, record.is_active), (3, true));
        assert_eq!((record.status, record.fingerprint.as_deref()), (None, None));
        assert!(record.summary.is_empty() && record.capabilities.is_empty());
        assert_eq!((record.consecutive_invalid, record.state_version), (0, 0));
        assert_eq!(record.rotated_at, None);
    }

    #[test]
    fn the_second_invalid_in_a_row_deactivates_and_proof_reactivates() {
        let mut record = record();
        let outcomes = [
            Outcome::Invalid,
            Outcome::Valid,
            Outcome::Invalid,
            Outcome::Invalid,
            Outcome::Invalid,
            Outcome::Restricted,
        ];
        let (off, on) = (Action::CredentialDeactivated, Action::CredentialReactivated);
        assert_eq!(
            changes(&mut record, &outcomes),
            [None, None, None, Some(off), None, Some(on)]
        );
        assert!(record.is_active);
        assert_eq!(record.consecutive_invalid, 0);
        assert_eq!(record.capabilities, [Capability::CallApi]);
        assert_eq!(record.verification_error.as_deref(), Some("no tokens"));
    }

    #[test]
    fn a_check_that_could_not_tell_neither_counts_nor_interrupts() {
        let mut record = record();
        let unknown = [Outcome::RateLimited, Outcome::Unreachable];
        changes(&mut record, &[Outcome::Valid]);
        assert_eq!(changes(&mut record, &unknown.repeat(3)), [None; 6]);
        assert!(record.is_active);
        assert_eq!(record.status, Some(Outcome::Unreachable));
        assert_eq!(record.verification_error.as_deref(), Some("no answer"));
        // What was known of them is still known.
        assert_eq!(record.capabilities, check(Outcome::Valid).capabilities);
        let outcomes = [Outcome::Invalid, Outcome::Unreachable, Outcome::Invalid];
        let off = Some(Action::CredentialDeactivated);
        assert_eq!(changes(&mut record, &outcomes), [None, None, off]);
        // Why they are not active stays said.
        changes(&mut record, &unknown);
        assert_eq!(record.verification_error.as_deref(), Some("not known"));
        assert!(!record.is_active);
    }

    #[test]
    fn a_capability_of_a_later_version_is_passed_over_and_an_outcome_is_not() {
        let mut item = Item::new();
        for (name, value) in [
            ("message", AttributeValue::B(Blob::new(*b"sealed"))),
            ("version", number(1)),
            ("updated_at", text("2026-03-01T12:00:00.000Z")),
            ("updated_by", text("operator")),
            ("capabilities", text(r#"["call_api","teleport"]"#)),
        ] {
            item.insert(name.to_owned(), value);
        }
        let read = |item: &Item| IntegrationRecord::of_item("read", Provider::Vapi, item);
        assert_eq!(read(&item).unwrap().capabilities, [Capability::CallApi]);
        item.insert("status".to_owned(), text("superb"));
        let error = read(&item).unwrap_err().to_string();
        assert!(error.contains("status"), "{error}");
    }
}
