//! Twilio's error answers.

use serde_json::json;

use crate::double::{Answer, Refusal};

/// An error of the REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    status: u16,
    code: u32,
    message: String,
}

impl ApiError {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// 400 with a code of its own.
    pub(super) fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// Wrong, missing or insufficient credentials.
    pub(super) fn unauthenticated() -> Self {
        Self::new(401, 20_003, "Authenticate")
    }

    /// There is no such thing, or it is another account's.
    pub(super) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self::new(404, 20_404, message)
    }

    /// The resource has no such method.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(405, 20_004, "Method not allowed")
    }

    /// An API key whose policy does not allow the request.
    pub(super) fn not_permitted() -> Self {
        Self::new(
            403,
            70_051,
            "Authorization Error: the API key lacks a permission that this request needs",
        )
    }

    /// What Twilio says when it refuses whatever was asked.
    pub(super) fn of(refusal: Refusal, path: &str) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::unauthenticated(),
            Refusal::NotFound => Self::not_found(path),
            Refusal::TooManyRequests => Self::new(429, 20_429, "Too Many Requests"),
            Refusal::InternalError => {
                Self::new(500, 20_500, "An internal server error has occurred")
            }
            Refusal::Unavailable => Self::new(503, 20_503, "Service unavailable"),
        }
    }

    /// The answer.
    pub(super) fn answer(&self) -> Answer {
        let document = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status,
        });
        let answer = Answer::json(self.status, &document);
        self.challenging(answer)
    }

    /// The same in XML, which is what paths without `.json` answer in.
    pub(super) fn xml_answer(&self) -> Answer {
        let text = format!(
            "<?xml version='1.0' encoding='UTF-8'?>\n<TwilioResponse><RestException><Code>{code}</Code><Message>{}</Message>\
             <MoreInfo>https://www.twilio.com/docs/errors/{code}</MoreInfo><Status>{}</Status></RestException></TwilioResponse>",
            self.message,
            self.status,
            code = self.code,
        );
        self.challenging(Answer::new(self.status, "application/xml", text))
    }

    fn challenging(&self, answer: Answer) -> Answer {
        if self.status == 401 {
            return answer.with("www-authenticate", "Basic realm=\"Twilio API\"");
        }
        answer
    }
}
