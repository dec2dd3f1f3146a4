//! What the errors of the use cases are to a client: the one mapping to codes.

use std::time::Duration;

use super::{Code, Problem};
use crate::applications::EnsureError;
use crate::aws::SessionError;
use crate::cache::LoadError;
use crate::credentials::CredentialError;
use crate::fault::{FieldFault, InvalidInput};
use crate::integrations::{IntegrationError, RotationError};
use crate::phone_numbers::NumberError;
use crate::platform::PlatformError;
use crate::store::{StoreError, WriteConflict, WriteError};
use crate::tenants::TenantError;
use crate::twilio::TwilioError;
use crate::twilio::rest::ErrorKind;
use crate::vault::VaultError;

/// The longest that a client is asked to wait, whatever a provider asks for.
const LONGEST_PATIENCE: Duration = Duration::from_secs(5 * 60);

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        let code = match error {
            TenantError::NotFound => Code::TenantNotFound,
            TenantError::Exists | TenantError::RecentlyDeleted | TenantError::ReservedId => {
                Code::TenantExists
            }
            TenantError::Deleting => Code::TenantDeleting,
            TenantError::InvalidStatus => Code::InvalidFields,
            TenantError::SubdomainTaken { .. } => Code::SubdomainTaken,
            TenantError::VersionMismatch => Code::VersionMismatch,
            TenantError::Store(error) => return error.into(),
        };
        Self::new(code, sentence(&error))
    }
}

impl From<WriteError> for Problem {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict(conflict) => conflict.into(),
            WriteError::Store(error) | WriteError::Uncertain { error, .. } => error.into(),
        }
    }
}

impl From<WriteConflict> for Problem {
    fn from(conflict: WriteConflict) -> Self {
        let code = match conflict {
            WriteConflict::VersionMismatch => Code::VersionMismatch,
            WriteConflict::AccountTaken | WriteConflict::AccountInQuarantine => Code::AccountTaken,
            WriteConflict::ForwardedTo => return of_field("phone_number", &conflict),
            WriteConflict::ForwardsToItself => return of_field("forward_to", &conflict),
            WriteConflict::TenantDeleting => Code::TenantDeleting,
            WriteConflict::TenantMissing => Code::TenantNotFound,
        };
        Self::new(code, sentence(&conflict))
    }
}

/// A conflict has no meaning of its own: whoever made the condition maps it before.
impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        of_availability(error.is_unavailable(), error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        match error.is_unavailable() {
            true => Self::unavailable(error),
            false => Self::internal(error),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        of_availability(error.is_unavailable(), error.with_cause())
    }
}

impl From<NumberError> for Problem {
    fn from(error: NumberError) -> Self {
        match error {
            NumberError::Unknown => {
                let detail = "The tenant's Twilio account has no such phone number.";
                Self::new(Code::PhoneNumberNotFound, detail)
            }
            NumberError::Twilio(error) => error.into(),
            NumberError::Write(error) => error.into(),
        }
    }
}

impl From<PlatformError> for Problem {
    fn from(error: PlatformError) -> Self {
        match error {
            PlatformError::Vault(error) => {
                let cause = format!("the platform secret: {}", error.with_cause());
                of_availability(error.is_unavailable(), cause)
            }
            other => of_availability(other.is_unavailable(), other),
        }
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        match &error {
            CredentialError::Missing { provider, .. } => {
                let detail = format!(
                    "The tenant has no credentials of {provider}: store them with PUT /api/integrations/{provider}."
                );
                Self::new(Code::CredentialsMissing, detail)
            }
            other => of_availability(other.is_unavailable(), other),
        }
    }
}

impl From<EnsureError<TwilioError>> for Problem {
    fn from(error: EnsureError<TwilioError>) -> Self {
        match error {
            EnsureError::Make(error) => error.into(),
            EnsureError::Tenant(conflict) => conflict.into(),
            EnsureError::Store(error) => Self::from(&*error),
            EnsureError::TimedOut => provider_unavailable(None).because(error),
        }
    }
}

/// Twilio's words are for the tenant's admin, by the checks of the credentials and the connection; the log gets what they mean.
impl From<TwilioError> for Problem {
    fn from(error: TwilioError) -> Self {
        let kind = error.kind();
        let what = match kind {
            ErrorKind::Unavailable => return provider_unavailable(None).because("unavailable"),
            ErrorKind::RateLimited { retry_after } => {
                return provider_unavailable(retry_after).because("rate limited");
            }
            ErrorKind::Authentication => "Twilio does not accept the tenant's credentials",
            ErrorKind::TestCredentials => "the tenant's credentials are Twilio's test credentials",
            ErrorKind::AccountNotActive => "the tenant's Twilio account is suspended or closed",
            ErrorKind::NotPermitted => "the tenant's API key may not do this",
            ErrorKind::NotFound | ErrorKind::Rejected => "Twilio refused the request",
        };
        let code = match &error {
            TwilioError::Refused(refusal) => refusal.code,
            _ => None,
        };
        let code = code.map_or_else(String::new, |code| format!(" (error {code})"));
        let detail = format!(
            "{}{code}: GET /api/health/twilio tells more.",
            capitalised(what)
        );
        Self::new(Code::ProviderRefused, detail).because(format!("{kind:?}{code}"))
    }
}

fn provider_unavailable(retry_after: Option<Duration>) -> Problem {
    let after = retry_after.unwrap_or(Duration::from_secs(5));
    let seconds = u32::try_from(after.min(LONGEST_PATIENCE).as_secs()).unwrap_or(1);
    let detail = "Twilio did not answer in time, or asks for patience: try again.";
    Problem::new(Code::ProviderUnavailable, detail).retry_after(seconds.max(1))
}

impl From<IntegrationError> for Problem {
    fn from(error: IntegrationError) -> Self {
        match error {
            IntegrationError::Missing(provider) => {
                let detail = format!(
                    "The tenant has no credentials of {provider}: store them with PUT /api/integrations/{provider}."
                );
                Self::new(Code::IntegrationNotFound, detail)
            }
            IntegrationError::NotAccepted(provider, verification) => {
                let found = verification.error;
                let detail = found.unwrap_or_else(|| format!("{provider} does not accept them."));
                Self::new(Code::CredentialsInvalid, detail)
            }
            IntegrationError::Faulty(invalid) => invalid.into(),
            IntegrationError::Write(error) => error.into(),
            IntegrationError::Vault(error) => error.into(),
            IntegrationError::Platform(error) => error.into(),
            IntegrationError::Unwritable(error) => Self::internal(error),
        }
    }
}

impl From<RotationError> for Problem {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Integration(error) => error.into(),
            RotationError::Twilio(error) => error.into(),
            RotationError::Inactive => {
                let detail = "Twilio does not accept the stored credentials, or another tenant proved the account: \
                              GET /api/integrations/twilio tells which.";
                Self::new(Code::CredentialsInactive, detail)
            }
            RotationError::Held => Self::unavailable(error),
            RotationError::NotPossible(_) => Self::new(Code::RotationNotPossible, sentence(&error)),
        }
    }
}

/// A field that is wrong by what is stored elsewhere.
fn of_field(field: &'static str, fault: &impl ToString) -> Problem {
    let faults = vec![FieldFault::new(field, fault.to_string())];
    InvalidInput {
        subject: field,
        faults,
    }
    .into()
}

/// What fails for a while, or for good.
fn of_availability(is_unavailable: bool, cause: impl ToString) -> Problem {
    match is_unavailable {
        true => Problem::unavailable(cause),
        false => Problem::internal(cause),
    }
}

/// An error's text as a sentence.
fn sentence(error: &impl ToString) -> String {
    let mut sentence = capitalised(&error.to_string());
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_provider_makes_a_client_wait_longer_than_five_minutes() {
        for (asked, told) in [
            (None, 5),
            (Some(0), 1),
            (Some(17), 17),
            (Some(300), 300),
            (Some(301), 300),
            (Some(u64::MAX), 300),
        ] {
            let problem = provider_unavailable(asked.map(Duration::from_secs));
            assert_eq!(problem.retry_after, Some(told), "{asked:?}");
        }
    }

    #[test]
    fn a_number_that_would_call_itself_is_a_fault_of_the_field_that_was_entered() {
        for (conflict, field) in [
            (WriteConflict::ForwardedTo, "phone_number"),
            (WriteConflict::ForwardsToItself, "forward_to"),
        ] {
            let problem = Problem::from(conflict);
            assert_eq!(problem.code, Code::InvalidFields);
            assert_eq!(problem.errors.len(), 1);
            assert_eq!(problem.errors[0].field, field);
        }
    }
}
