//! STS: sessions of the template's roles, with credentials that end.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

mod answer;
mod assume;

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::StartError;
use super::faults::{AwsError, Faults};
use super::front::{Answer, Emulated, Front, Incoming, bind};
use super::wire::{Target, WireLog};
use crate::iam::{self, Access, Caller, Refusal};

/// The running STS emulator.
#[derive(Debug)]
pub struct Sts {
    front: Front,
}

#[derive(Debug)]
struct Service {
    access: Access,
}

impl Sts {
    /// Every call since the start. A call's resource is the ARN of the role.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        &self.front.wire
    }

    /// The faults that calls meet.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// The base URL, for `AWS_ENDPOINT_URL_STS`.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// Starts STS.
    pub(super) async fn start(port: u16, access: &Access) -> Result<Self, StartError> {
        let listener = bind(Service::NAME, port).await?;
        let service = Service {
            access: access.clone(),
        };
        Ok(Self {
            front: Front::serve(listener, Arc::new(service), access)?,
        })
    }

    /// Ends it.
    pub(super) async fn stop(&mut self) {
        self.front.stop().await;
    }
}

/// The text of a parameter of a call.
fn text<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str)
}

impl Emulated for Service {
    const NAME: &'static str = "STS";
    const SERVICE: &'static str = "sts";
    const CONTENT_TYPE: &'static str = "text/xml";

    fn operation(&self, _headers: &HeaderMap, document: &Value) -> String {
        text(document, "Action").unwrap_or_default().to_owned()
    }

    /// The parameters of the form; of one that comes twice the last.
    fn document(&self, body: &[u8]) -> Value {
        let text = String::from_utf8_lossy(body);
        // The query of a URL is written as a form is.
        let Ok(form) = reqwest::Url::parse(&format!("http://form/?{text}")) else {
            return Value::Null;
        };
        let members = form.query_pairs();
        let members = members.map(|(name, value)| (name.into_owned(), Value::from(value)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn targets(&self, _operation: &str, body: &Value) -> Vec<Target> {
        let role = text(body, "RoleArn").map(|role| Target {
            resource: role.to_owned(),
            partition: text(body, "Tags.member.1.Value").map(|tenant| format!("{tenant}#")),
            index: None,
            action: None,
        });
        role.into_iter().collect()
    }

    /// Nothing here: a role's trust has its say too, and who one is may everybody ask.
    fn requests(&self, _operation: &str, _body: &Value) -> Vec<iam::Request> {
        Vec::new()
    }

    fn refusal(&self, refusal: Refusal) -> AwsError {
        let code = match refusal {
            Refusal::Missing => "MissingAuthenticationToken",
            Refusal::Unknown => "InvalidClientTokenId",
            Refusal::Expired => "ExpiredToken",
            Refusal::WrongSignature => "SignatureDoesNotMatch",
        };
        AwsError::new(403, code, AwsError::unknown_caller(refusal).message)
    }

    fn error(&self, error: &AwsError) -> Answer {
        answer::error(error)
    }

    async fn answer(&self, call: Incoming, caller: Option<Caller>) -> Answer {
        let Some(caller) = caller else {
            let message = "the request names no Action";
            return answer::error(&AwsError::new(400, "MissingAction", message));
        };
        let answered = match call.operation.as_str() {
            "AssumeRole" => assume::assume(&self.access, &caller, &call.document)
                .map(|session| answer::assumed(&session)),
            "GetCallerIdentity" => Ok(answer::identity(&caller)),
            _ => {
                let message = "the local stack's STS has the operations AssumeRole and GetCallerIdentity alone";
                Err(AwsError::new(400, "InvalidAction", message))
            }
        };
        answered.unwrap_or_else(|error| answer::error(&error))
    }
}
