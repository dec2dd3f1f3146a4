//! The TwiML App.

use super::{CheckName, HealthCheck, HealthStatus, unknown};
use crate::sid::ApplicationSid;
use crate::twilio::application::oldest;
use crate::twilio::rest::{Application, ApplicationConfig, ErrorKind, TwilioClient, TwilioError};

const WHAT: &str = "The TwiML App";

/// Looks at the App, and tells whether the remembered one is gone.
pub(super) async fn check(
    client: &TwilioClient<'_>,
    expected: &ApplicationConfig,
    remembered: Option<&ApplicationSid>,
) -> (HealthCheck, bool) {
    let (found, is_gone) = match remembered {
        Some(sid) => match client.application(sid).await {
            Err(error) if error.kind() == ErrorKind::NotFound => (Ok(None), true),
            found => (found.map(Some), false),
        },
        None => {
            let named: Result<_, TwilioError> =
                client.applications_named(&expected.friendly_name).await;
            (named.map(oldest), false)
        }
    };
    let check = match found {
        Ok(Some(application)) => judge(&application, expected),
        Ok(None) if is_gone => gone(),
        Ok(None) => HealthCheck {
            name: CheckName::TwimlApp,
            status: HealthStatus::Ok,
            message: "There is no TwiML App yet.".to_owned(),
            hint: Some("The first access token makes it.".to_owned()),
        },
        Err(error) => unknown(CheckName::TwimlApp, WHAT, &error),
    };
    (check, is_gone)
}

fn gone() -> HealthCheck {
    HealthCheck {
        name: CheckName::TwimlApp,
        status: HealthStatus::Error,
        message:
            "The TwiML App was deleted at Twilio; access tokens that name it cannot make calls."
                .to_owned(),
        hint: Some("Take new access tokens: the first makes the App again.".to_owned()),
    }
}

fn judge(application: &Application, expected: &ApplicationConfig) -> HealthCheck {
    let sid = &application.sid;
    let differences = expected.differences(application);
    let urls = [
        ("voice_url", &expected.voice_url),
        ("voice_fallback_url", &expected.voice_fallback_url),
        ("status_callback", &expected.status_callback),
    ];
    let should_be: Vec<String> = urls
        .iter()
        .filter(|(name, _)| {
            // A wrong method is mended where the URL is entered.
            let method = format!("{}_method", name.trim_end_matches("_url"));
            differences
                .iter()
                .any(|found| found == name || **found == method)
        })
        .map(|(name, url)| format!("{name}: {url}"))
        .collect();
    // Without the voice URL no call gets through; without the others, failures are not caught.
    let is_broken = differences
        .iter()
        .any(|name| matches!(*name, "voice_url" | "voice_method"));
    let (status, message) = match (differences.is_empty(), is_broken) {
        (true, _) => (HealthStatus::Ok, format!("The TwiML App {sid} leads here.")),
        (false, true) => (
            HealthStatus::Error,
            format!(
                "Calls from browsers do not lead here, or not as they should: the TwiML App {sid} has another {}.",
                differences.join(", ")
            ),
        ),
        (false, false) => (
            HealthStatus::Degraded,
            format!(
                "The TwiML App {sid} leads here, but has another {}.",
                differences.join(", ")
            ),
        ),
    };
    let hint = (!should_be.is_empty()).then(|| {
        format!(
            "Set in the TwiML App, with HTTP POST: {}",
            should_be.join("; ")
        )
    });
    HealthCheck {
        name: CheckName::TwimlApp,
        status,
        message,
        hint,
    }
}
