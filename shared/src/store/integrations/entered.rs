//! Credentials that somebody stores, and what they expect to store them over.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::IntegrationRecord;
use crate::sid::AccountSid;
use crate::store::WriteConflict;
use crate::tenant::Provider;
use crate::verification::Verification;

/// Credentials to be stored.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    /// Whose they are.
    pub provider: Provider,
    /// The AWS Encryption SDK message.
    pub message: Vec<u8>,
    /// The account that is claimed with them; for Twilio, and for no other provider.
    pub account_sid: Option<AccountSid>,
    /// The configuration as it may be shown: identifiers whole, secrets masked.
    pub summary: Map<String, Value>,
    /// Tells whether the configuration changed.
    pub fingerprint: Option<String>,
    /// Tells whether secrets changed, or what they belong to. Without one they count as changed.
    pub secrets_fingerprint: Option<String>,
    /// What the live check found; absent when none was made.
    pub verification: Option<Verification>,
    /// Whether they have the auth tokens that are stored, so that a rotation goes on with them.
    pub keeps_auth_tokens: bool,
    /// When they expire, where the provider says so.
    pub expires_at: Option<Timestamp>,
    /// The run of the verifier that made the live check, if one did.
    pub run: Option<String>,
}

/// What a write expects to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: `If-None-Match: *`.
    Absent,
    /// Something: `If-Match: *`.
    Present,
    /// This version: `If-Match`.
    Version(u64),
    /// Whatever the write finds when it begins; a version that somebody else stores from then on is refused all the same.
    Any,
}

impl Expected {
    /// What is expected from now on, after a look at the version that is there.
    ///
    /// # Errors
    /// [`WriteConflict::VersionMismatch`], when it is another.
    pub fn met_by(self, stored: Option<u64>) -> Result<Self, WriteConflict> {
        match (self, stored) {
            (Self::Any | Self::Absent, None) => Ok(Self::Absent),
            (Self::Any | Self::Present, Some(version)) => Ok(Self::Version(version)),
            (Self::Version(expected), Some(version)) if expected == version => Ok(self),
            _ => Err(WriteConflict::VersionMismatch),
        }
    }
}

impl NewIntegration {
    /// What is stored of it over what was there, and whether the secrets are the same.
    pub(in crate::store) fn over(
        &self,
        before: Option<&IntegrationRecord>,
        updated_by: &str,
        now: Timestamp,
    ) -> (IntegrationRecord, bool) {
        let same = before.filter(|before| {
            self.secrets_fingerprint.is_some()
                && before.secrets_fingerprint == self.secrets_fingerprint
                && before.account_sid == self.account_sid
        });
        let version = before.map_or(0, |before| before.version).saturating_add(1);
        let state_version = before.map_or(0, |before| before.state_version);
        let mut after = IntegrationRecord {
            provider: self.provider,
            message: self.message.clone(),
            version,
            is_active: true,
            account_sid: self.account_sid.clone(),
            summary: self.summary.clone(),
            fingerprint: self.fingerprint.clone(),
            secrets_fingerprint: self.secrets_fingerprint.clone(),
            status: None,
            capabilities: Vec::new(),
            last_verified_at: None,
            verification_error: None,
            consecutive_invalid: 0,
            rotated_at: Some(now),
            expires_at: self.expires_at,
            last_used_at: before.and_then(|before| before.last_used_at),
            updated_at: now,
            updated_by: updated_by.to_owned(),
            rotation: before.and_then(|before| before.rotation.clone()),
            verified_run: self.run.clone(),
            // It is of an account, whoever stores what.
            drift: before.and_then(|before| before.drift.clone()),
            state_version: state_version.saturating_add(1),
        };
        if !self.keeps_auth_tokens {
            after.rotation = after.rotation.map(|it| it.superseded(now));
        }
        if let Some(before) = same {
            after.is_active = before.is_active;
            after.status = before.status;
            after.capabilities.clone_from(&before.capabilities);
            after.last_verified_at = before.last_verified_at;
            let error = &before.verification_error;
            after.verification_error.clone_from(error);
            after.consecutive_invalid = before.consecutive_invalid;
            after.rotated_at = before.rotated_at;
        }
        if let Some(verification) = &self.verification {
            // Who reads the entry knows that it was stored, with what was found; it says no more of it.
            let _ = after.verified(verification);
        }
        (after, same.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_holds_for_what_it_names() {
        for (expected, found, holds) in [
            (Expected::Any, None, true),
            (Expected::Any, Some(2), true),
            (Expected::Present, Some(2), true),
            (Expected::Present, None, false),
            (Expected::Absent, None, true),
            (Expected::Absent, Some(1), false),
            (Expected::Version(2), Some(2), true),
            (Expected::Version(2), Some(3), false),
            (Expected::Version(2), None, false),
        ] {
            let met = expected.met_by(found);
            assert_eq!(met.is_ok(), holds, "{expected:?} of {found:?}");
        }
    }

    #[test]
    fn a_look_pins_the_version_that_the_write_is_made_over() {
        assert_eq!(Expected::Any.met_by(Some(7)), Ok(Expected::Version(7)));
        assert_eq!(Expected::Any.met_by(None), Ok(Expected::Absent));
    }
}
