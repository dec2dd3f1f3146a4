//! The TwiML App of a tenant, which its browsers' calls go through: found, corrected or made.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::WebhookUrls;
use super::rest::{Application, ApplicationConfig, ErrorKind, TwilioClient, TwilioError};
use crate::activity::Route;
use crate::sid::{AccountSid, ApplicationSid};
use crate::tenant::TenantId;

/// What the name of every tenant's App begins with.
const NAME_PREFIX: &str = "TwiMLApp_Tenant_";

/// The most characters of an App's name that Twilio takes.
const NAME_LIMIT: usize = 64;

/// The digits of the hash in a shortened name.
const HASH_DIGITS: usize = 16;

/// The App's SID and what it took to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured {
    /// The App.
    pub sid: ApplicationSid,
    /// What was done.
    pub how: How,
}

/// What was done to have an App.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Nothing: the remembered one is right.
    Unchanged,
    /// The remembered one got its URLs corrected.
    Updated,
    /// One of the name was found, and corrected if its URLs were others.
    Adopted,
    /// There was none.
    Created,
}

impl ApplicationConfig {
    /// What the App of a tenant should be.
    #[must_use]
    pub fn of_tenant(tenant: &TenantId, account: &AccountSid, urls: &WebhookUrls) -> Self {
        Self {
            friendly_name: application_name(tenant),
            voice_url: urls.webhook(Route::Voice, account),
            voice_fallback_url: urls.voice_fallback(account),
            status_callback: urls.webhook(Route::VoiceStatus, account),
        }
    }
}

/// The name of a tenant's App: `TwiMLApp_Tenant_` and the tenant's id. An id of more than 48 characters does not fit into
/// Twilio's 64; it is cut to 31, and `_` and 16 hexadecimal digits of its SHA-256 follow. Ids have no `_`, so that no other
/// tenant's name is the same.
#[must_use]
pub fn application_name(tenant: &TenantId) -> String {
    let id = tenant.as_str();
    let room = NAME_LIMIT - NAME_PREFIX.len();
    if id.len() <= room {
        return format!("{NAME_PREFIX}{id}");
    }
    // Ids are ASCII, so characters are bytes.
    let kept: String = id.chars().take(room - 1 - HASH_DIGITS).collect();
    let mut name = format!("{NAME_PREFIX}{kept}_");
    for byte in Sha256::digest(id.as_bytes()).iter().take(HASH_DIGITS / 2) {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Makes sure that the account has the App, and returns it: the remembered one if it still exists, else the oldest of its name,
/// else a new one. Names are not unique at Twilio, so only one caller at a time may do this for a tenant: two would make two.
///
/// # Errors
/// Why it could not be made sure of. An App may have been made all the same; the next call finds it by its name.
pub async fn ensure_application(
    client: &TwilioClient<'_>,
    remembered: Option<&ApplicationSid>,
    expected: &ApplicationConfig,
) -> Result<Ensured, TwilioError> {
    if let Some(sid) = remembered {
        match client.application(sid).await {
            Ok(application) => {
                let how = match correct(client, &application, expected).await? {
                    true => How::Updated,
                    false => How::Unchanged,
                };
                return Ok(Ensured {
                    sid: application.sid,
                    how,
                });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(ensured) = adopt(client, expected).await? {
        return Ok(ensured);
    }
    let error = match client.create_application(expected).await {
        Ok(Application { sid, .. }) => {
            return Ok(Ensured {
                sid,
                how: How::Created,
            });
        }
        Err(error) => error,
    };
    // It may have been made though the answer was lost: it is looked up, never made again.
    match &error {
        TwilioError::Call(call) if call.may_have_been_done() => {
            // Why nothing could be looked up is worth less than that it may have been made: others wait for that.
            adopt(client, expected).await.ok().flatten().ok_or(error)
        }
        _ => Err(error),
    }
}

/// The oldest App of the name, corrected.
async fn adopt(
    client: &TwilioClient<'_>,
    expected: &ApplicationConfig,
) -> Result<Option<Ensured>, TwilioError> {
    let found = client.applications_named(&expected.friendly_name).await?;
    let Some(oldest) = oldest(found) else {
        return Ok(None);
    };
    correct(client, &oldest, expected).await?;
    let sid = oldest.sid;
    Ok(Some(Ensured {
        sid,
        how: How::Adopted,
    }))
}

/// The App that was made first. Of two of the same second the lower SID, so that everyone picks the same.
pub(crate) fn oldest(applications: Vec<Application>) -> Option<Application> {
    applications.into_iter().min_by(|one, other| {
        let age = |application: &Application| {
            (application.date_created.is_none(), application.date_created)
        };
        (age(one), &one.sid).cmp(&(age(other), &other.sid))
    })
}

/// Corrects an App's URLs if they are others, and tells whether they were.
async fn correct(
    client: &TwilioClient<'_>,
    application: &Application,
    expected: &ApplicationConfig,
) -> Result<bool, TwilioError> {
    let is_other = !expected.differences(application).is_empty();
    if is_other {
        client
            .update_application(&application.sid, expected)
            .await?;
    }
    Ok(is_other)
}

#[cfg(test)]
mod tests;
