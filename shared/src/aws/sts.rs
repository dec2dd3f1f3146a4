//! The one operation of STS that is needed here: a session of a role, with tags.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

mod answer;

use std::fmt::Write as _;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use self::answer::Answered;
use super::Patience;
use super::connection::Connection;
use super::failure::is_passing;
use crate::cache::LoadError;

/// How long a session is good, in seconds: the least that STS gives.
pub(super) const SESSION_SECONDS: u32 = 900;

/// The second attempt follows at once, like that of the other clients.
const ATTEMPTS: u32 = 2;
const PAUSE: Duration = Duration::from_millis(25);

const FORM: &str = "application/x-www-form-urlencoded";

/// Why there is no session. Its text is for logs: of the answer it has status, code, message and request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no session of the tenant: {cause}")]
pub struct SessionError {
    is_unavailable: bool,
    cause: String,
}

impl SessionError {
    /// STS was asked, and said no; or cannot be asked like this.
    pub(super) fn refused(cause: impl Into<String>) -> Self {
        Self {
            is_unavailable: false,
            cause: cause.into(),
        }
    }

    fn unavailable(cause: impl Into<String>) -> Self {
        Self {
            is_unavailable: true,
            cause: cause.into(),
        }
    }
}

impl LoadError for SessionError {
    fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

/// A session that is asked for.
pub(super) struct Asked<'a> {
    /// The ARN of the role.
    pub(super) role: &'a str,
    /// Its name, for `CloudTrail`: 2 to 64 characters of a-z, 0-9 and -.
    pub(super) name: &'a str,
    /// What it is tagged with.
    pub(super) tags: &'a [(&'static str, &'a str)],
}

/// STS of the function's region.
#[derive(Clone)]
pub(super) struct Sts {
    pub(super) connection: Connection,
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) patience: Patience,
}

impl Sts {
    /// Begins a session in the name of `own`.
    pub(super) async fn assume_role(
        &self,
        own: &Credentials,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Result<Credentials, SessionError> {
        let attempts = async {
            let mut attempt = 1;
            loop {
                let answer = timeout(self.patience.attempt, self.attempt(own, asked, now)).await;
                let answer =
                    answer.unwrap_or_else(|_| Err(SessionError::unavailable("STS: timed out")));
                match answer {
                    Err(error) if error.is_unavailable && attempt < ATTEMPTS => {
                        attempt = attempt.saturating_add(1);
                        sleep(PAUSE).await;
                    }
                    answer => return answer,
                }
            }
        };
        timeout(self.patience.operation, attempts)
            .await
            .unwrap_or_else(|_| Err(SessionError::unavailable("STS: timed out")))
    }

    async fn attempt(
        &self,
        own: &Credentials,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Result<Credentials, SessionError> {
        let request = self.request(own, asked, now)?;
        let (status, body) =
            self.connection.call(request).await.map_err(|cause| {
                SessionError::unavailable(format!("STS was not reached: {cause}"))
            })?;
        match answer::read(&body) {
            Some(Answered::Session(credentials)) if status == 200 => Ok(credentials),
            Some(Answered::Refusal {
                code,
                message,
                request_id,
            }) => Err(SessionError {
                is_unavailable: status >= 500 || status == 429 || is_passing(&code),
                cause: format!("STS: {status} {code}: {message} (request id {request_id})"),
            }),
            _ => Err(SessionError::unavailable(format!(
                "STS: {status} with an unreadable answer"
            ))),
        }
    }

    fn request(
        &self,
        own: &Credentials,
        asked: &Asked<'_>,
        now: Timestamp,
    ) -> Result<HttpRequest, SessionError> {
        let unsigned = |_| SessionError::refused("the request could not be signed");
        let (url, body) = (
            format!("{}/", self.endpoint.trim_end_matches('/')),
            form(asked),
        );
        let identity: Identity = own.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(now.into())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| SessionError::refused("the request could not be signed"))?
            .into();
        let headers = [("content-type", FORM)].into_iter();
        let signable =
            SignableRequest::new("POST", &url, headers, SignableBody::Bytes(body.as_bytes()));
        let (signature, _) = sign(signable.map_err(unsigned)?, &parameters)
            .map_err(unsigned)?
            .into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        let made = request.set_method("POST").is_ok() && request.set_uri(url).is_ok();
        if !made {
            return Err(SessionError::refused("the request could not be made"));
        }
        request.headers_mut().insert("content-type", FORM);
        for (name, value) in signature.headers() {
            request
                .headers_mut()
                .insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

/// The call as the Query protocol writes it.
fn form(asked: &Asked<'_>) -> String {
    let mut form = format!(
        "Action=AssumeRole&Version=2011-06-15&DurationSeconds={SESSION_SECONDS}&RoleArn={}&RoleSessionName={}",
        escaped(asked.role),
        escaped(asked.name)
    );
    for (number, (name, value)) in (1_u32..).zip(asked.tags) {
        let (name, value) = (escaped(name), escaped(value));
        // Writing to a string cannot fail.
        let _ = write!(
            form,
            "&Tags.member.{number}.Key={name}&Tags.member.{number}.Value={value}"
        );
    }
    form
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_role_session_and_tags() {
        let asked = Asked {
            role: "arn:aws:iam::123456789012:role/a/b",
            name: "acme",
            tags: &[("tenant", "acme"), ("displaced", "globex")],
        };
        assert_eq!(
            form(&asked),
            "Action=AssumeRole&Version=2011-06-15&DurationSeconds=900\
             &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Fb&RoleSessionName=acme\
             &Tags.member.1.Key=tenant&Tags.member.1.Value=acme\
             &Tags.member.2.Key=displaced&Tags.member.2.Value=globex"
        );
    }
}
