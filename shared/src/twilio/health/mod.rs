//! Whether a tenant's connection to Twilio works, and what to do where it does not. Everything here only reads.

mod account;
mod application;
mod judge;
mod numbers;
mod routing;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::WebhookUrls;
use super::rest::{ApplicationConfig, ErrorKind, IncomingPhoneNumber, TwilioClient, TwilioError};
use super::verification::{Findings, examine};
use crate::sid::{ApplicationSid, PhoneNumberSid};
use crate::verification::{Capability, Outcome};
use judge::Judge;
pub use judge::{Complaint, Leads, NumberFindings, NumberRoute, Place};
pub use routing::{MessageRoute, VoiceRoute, message_route, voice_route};

/// What to do about a check that waits for another.
const CREDENTIALS_FIRST: &str = "See the check of the credentials.";

/// What is said of credentials that are not in use.
const NOT_IN_USE: &str = " They are not in use: nothing is sent and no token is signed with them.";

/// What to do about it.
const TAKE_INTO_USE: &str = "POST /api/integrations/twilio/verify takes them into use again once Twilio accepts them; \
                             GET /api/integrations/twilio says why they were taken out.";

/// How well something works, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It works.
    Ok,
    /// It works in part, or could not be told.
    Degraded,
    /// It does not work.
    Error,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Whether Twilio accepts the stored credentials.
    Credentials,
    /// Whether the TwiML App of browser calls leads here.
    TwimlApp,
    /// Whether calls and messages to the account's numbers lead here.
    PhoneNumbers,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What was checked.
    pub name: CheckName,
    /// How well it works.
    pub status: HealthStatus,
    /// What was found, in a sentence or a few.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

/// The whole connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// The worst of all checks.
    pub status: HealthStatus,
    /// The checks, always all three.
    pub checks: Vec<HealthCheck>,
    /// Whether the remembered App no longer exists, so that its SID is to be forgotten. Not part of the answer.
    #[serde(skip)]
    pub application_is_gone: bool,
}

/// Checks the connection of the client's account: its credentials, the App (`remembered` if it was ensured once, else the one
/// of the expected name), and where each of its numbers really leads. What one check cannot tell, the others still do.
pub async fn check(
    client: &TwilioClient<'_>,
    urls: &WebhookUrls,
    expected: &ApplicationConfig,
    remembered: Option<&ApplicationSid>,
) -> HealthReport {
    let (findings, application, numbers) = tokio::join!(
        examine(client),
        application::check(client, expected, remembered),
        numbers::check(client, urls),
    );
    let (application, application_is_gone) = application;
    let checks = vec![of_findings(findings), application, numbers];
    let worst = checks.iter().map(|check| check.status).max();
    HealthReport {
        status: worst.unwrap_or(HealthStatus::Ok),
        checks,
        application_is_gone,
    }
}

/// What Twilio says of an account's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedNumbers {
    /// Each number, in Twilio's order, with what was found of it.
    pub numbers: Vec<(IncomingPhoneNumber, NumberFindings)>,
    /// Why not everything that decides could be looked at, and what to do about it.
    pub gap: Option<Complaint>,
}

/// Looks at every number of the client's account.
///
/// # Errors
/// Why they could not be listed. What decides about them and could not be read is the gap of the result.
pub async fn judge_numbers(
    client: &TwilioClient<'_>,
    urls: &WebhookUrls,
) -> Result<JudgedNumbers, TwilioError> {
    let account = account::learn(client).await?;
    Ok(judged(client, urls, &account))
}

/// What messaging services make of numbers whose own settings are right.
#[derive(Debug)]
pub struct Overruled {
    /// Those whose messages a service does not leave to this deployment.
    pub numbers: Vec<PhoneNumberSid>,
    /// Why not every service could be looked at.
    pub gap: Option<TwilioError>,
}

/// Looks which of the numbers, all of the client's account and set to this deployment, a messaging service stands before. One list of
/// services and one of the numbers of each; nothing, where there are no numbers.
pub async fn overruled(
    client: &TwilioClient<'_>,
    urls: &WebhookUrls,
    numbers: Vec<IncomingPhoneNumber>,
) -> Overruled {
    if numbers.is_empty() {
        let (numbers, gap) = (Vec::new(), None);
        return Overruled { numbers, gap };
    }
    let account = account::learn_about(client, numbers).await;
    let judge = Judge::new(&client.credentials().account_sid, urls, &account);
    let is_overruled = |number: &&IncomingPhoneNumber| {
        let route = judge.number(number).messages;
        route.is_some_and(|it| {
            it.through == Place::MessagingService
                && !matches!(it.leads, Leads::Here | Leads::Unknown)
        })
    };
    let overruled = account.numbers.iter().filter(is_overruled);
    Overruled {
        numbers: overruled.map(|number| number.sid.clone()).collect(),
        gap: account.gap,
    }
}

/// Looks at what decides about one number of the client's account.
pub async fn judge_number(
    client: &TwilioClient<'_>,
    urls: &WebhookUrls,
    number: &IncomingPhoneNumber,
) -> JudgedNumbers {
    let account = account::learn_about(client, vec![number.clone()]).await;
    judged(client, urls, &account)
}

fn judged(
    client: &TwilioClient<'_>,
    urls: &WebhookUrls,
    account: &account::Account,
) -> JudgedNumbers {
    let judge = Judge::new(&client.credentials().account_sid, urls, account);
    let numbers = account.numbers.iter();
    let gap = account.gap.as_ref().map(|error| {
        let (_, why, remedy) = reason(error);
        Complaint {
            what: format!("Not everything that decides could be looked at: {why}."),
            remedy: remedy.to_owned(),
        }
    });
    JudgedNumbers {
        numbers: numbers
            .map(|number| (number.clone(), judge.number(number)))
            .collect(),
        gap,
    }
}

impl HealthReport {
    /// What there is to say of a tenant without credentials.
    #[must_use]
    pub fn without_credentials() -> Self {
        let check = |name, message: &str, hint: &str| HealthCheck {
            name,
            status: HealthStatus::Error,
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
        };
        let (unseen, first) = (
            "It cannot be looked at without credentials.",
            CREDENTIALS_FIRST,
        );
        Self {
            status: HealthStatus::Error,
            checks: vec![
                check(
                    CheckName::Credentials,
                    "No Twilio credentials are stored.",
                    "Store them with PUT /api/integrations/twilio.",
                ),
                check(CheckName::TwimlApp, unseen, first),
                check(CheckName::PhoneNumbers, unseen, first),
            ],
            application_is_gone: false,
        }
    }
}

impl HealthReport {
    /// The same of credentials that are not in use, whatever Twilio says of them.
    #[must_use]
    pub fn not_in_use(mut self) -> Self {
        for check in &mut self.checks {
            if check.name == CheckName::Credentials {
                check.message.push_str(NOT_IN_USE);
                let mended = check.status != HealthStatus::Error;
                check.hint = match (&check.hint, mended) {
                    (Some(remedy), false) => Some(format!("{remedy} Then: {TAKE_INTO_USE}")),
                    _ => Some(TAKE_INTO_USE.to_owned()),
                };
                check.status = HealthStatus::Error;
            }
        }
        self.status = HealthStatus::Error;
        self
    }
}

fn of_findings(findings: Findings) -> HealthCheck {
    let status = match findings.outcome {
        Outcome::Valid => HealthStatus::Ok,
        Outcome::Restricted | Outcome::RateLimited | Outcome::Unreachable => HealthStatus::Degraded,
        Outcome::Invalid => HealthStatus::Error,
    };
    let works = match findings.capabilities.contains(&Capability::IssueTokens) {
        true => "Twilio accepts the auth token and the API key.",
        false => "Twilio accepts the auth token.",
    };
    let message = match (findings.outcome, findings.fault) {
        (Outcome::Valid, Some(fault)) => format!("{works} {}", fault.what),
        (_, Some(fault)) => fault.what.to_owned(),
        (_, None) => works.to_owned(),
    };
    HealthCheck {
        name: CheckName::Credentials,
        status,
        message,
        hint: findings.fault.map(|fault| fault.remedy.to_owned()),
    }
}

/// The check of something that could not be asked about.
fn unknown(name: CheckName, what: &str, error: &TwilioError) -> HealthCheck {
    let (status, why, hint) = reason(error);
    HealthCheck {
        name,
        status,
        message: format!("{what} could not be looked at: {why}."),
        hint: Some(hint.to_owned()),
    }
}

/// What an error is looked up by. Twilio's own words stay out: they may hold anything.
fn particulars(error: &TwilioError) -> String {
    let TwilioError::Refused(refusal) = error else {
        return "no particulars".to_owned();
    };
    let code = refusal.code.map(|code| format!("error {code}"));
    let request = refusal.request_id.as_ref();
    let request = request.map(|id| format!("request {id}"));
    let status = format!("status {}", refusal.status);
    let parts = [Some(status), code, request].into_iter().flatten();
    parts.collect::<Vec<_>>().join(", ")
}

/// What an error means to an admin: how bad it is, what it is, and what to do.
fn reason(error: &TwilioError) -> (HealthStatus, String, &'static str) {
    match error {
        TwilioError::ForeignPage => {
            let why = "a list goes on at an address that is not Twilio's own for this account, which was not called";
            let hint = "Check again later, and tell the platform's operator if it stays.";
            return (HealthStatus::Degraded, why.to_owned(), hint);
        }
        TwilioError::TooManyPages => {
            let why = "there is more than is read".to_owned();
            let hint = "Look at the rest in Twilio's console.";
            return (HealthStatus::Degraded, why, hint);
        }
        TwilioError::Refused(_) | TwilioError::Unintelligible { .. } | TwilioError::Call(_) => {}
    }
    match error.kind() {
        ErrorKind::Authentication | ErrorKind::TestCredentials => {
            let why = "Twilio does not accept the credentials".to_owned();
            (HealthStatus::Error, why, CREDENTIALS_FIRST)
        }
        ErrorKind::AccountNotActive => {
            let why = "the account is suspended or closed".to_owned();
            (HealthStatus::Error, why, CREDENTIALS_FIRST)
        }
        ErrorKind::NotPermitted => {
            let why = "the API key may not read it".to_owned();
            (HealthStatus::Degraded, why, "Enter a Standard key.")
        }
        ErrorKind::RateLimited { .. } => {
            let why = "Twilio asks for patience".to_owned();
            (HealthStatus::Degraded, why, "Check again in a minute.")
        }
        ErrorKind::Unavailable => {
            let why = "Twilio did not answer, or not in a form that is known".to_owned();
            (HealthStatus::Degraded, why, "Check again later.")
        }
        ErrorKind::NotFound | ErrorKind::Rejected => {
            let why = format!("Twilio refused it ({})", particulars(error));
            (
                HealthStatus::Degraded,
                why,
                "Look the error's code up in Twilio's documentation.",
            )
        }
    }
}
