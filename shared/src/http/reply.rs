//! What a function answers.

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::aws_lambda_events::encodings::Body;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use lambda_http::http::{HeaderName, HeaderValue};

use serde::Serialize;

use crate::twilio::twiml::DocumentTooLong;
use lambda_http::http::StatusCode;

/// An HTTP answer: a status, and a body with its type or none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

impl Reply {
    /// An answer without a body. Refusals carry none: Twilio would send a text to the tenant's customer.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Content::Text(String::new()),
        }
    }

    /// `204`, what Twilio wants for a status callback.
    #[must_use]
    pub fn no_content() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// `200` with a TwiML document; an empty one when a tenant's own texts make it longer than Twilio takes.
    #[must_use]
    pub fn twiml(document: Result<String, DocumentTooLong>) -> Self {
        let document = document.unwrap_or_else(|error| {
            tracing::error!(error = %error, "an empty answer is given instead");
            r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#.to_owned()
        });
        let content_type = HeaderValue::from_static("text/xml; charset=utf-8");
        Self {
            status: StatusCode::OK,
            headers: vec![(CONTENT_TYPE, content_type)],
            body: Content::Text(document),
        }
    }

    /// `405`, naming the methods that are allowed.
    #[must_use]
    pub fn method_not_allowed(allowed: &'static str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            headers: vec![(ALLOW, HeaderValue::from_static(allowed))],
            body: Content::Text(String::new()),
        }
    }

    /// A JSON document. What cannot be written as one is a defect, and answers `500` with nothing in it.
    #[must_use]
    pub fn json(status: StatusCode, media_type: &'static str, document: &impl Serialize) -> Self {
        match serde_json::to_string(document) {
            Ok(body) => Self {
                status,
                headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
                body: Content::Text(body),
            },
            Err(error) => {
                tracing::error!(error = %error, "the answer cannot be written");
                Self::empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// Bytes of some type. They travel in base64 and arrive as they are.
    #[must_use]
    pub fn bytes(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
            body: Content::Bytes(bytes),
        }
    }

    /// The same with a header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with `ETag`: the version of what it shows.
    #[must_use]
    pub fn etag(self, version: u64) -> Self {
        self.text(ETAG, format!("\"{version}\""))
    }

    /// The same with `Location`: where what was made is.
    #[must_use]
    pub fn location(self, path: String) -> Self {
        self.text(LOCATION, path)
    }

    /// The same with `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same with a header whose value is made. Leaves out what cannot be a header; what we make always can.
    #[must_use]
    pub fn text(self, name: HeaderName, value: String) -> Self {
        match HeaderValue::try_from(value) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }

    /// The status, for logs.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, for tests; empty if it is no text.
    #[must_use]
    pub fn body(&self) -> &str {
        match &self.body {
            Content::Text(text) => text,
            Content::Bytes(_) => "",
        }
    }
}

impl From<Reply> for ApiGatewayV2httpResponse {
    fn from(reply: Reply) -> Self {
        let mut response = Self::default();
        response.status_code = i64::from(reply.status.as_u16());
        response.headers.extend(reply.headers);
        (response.body, response.is_base64_encoded) = match reply.body {
            Content::Text(text) => (Some(Body::Text(text)), false),
            Content::Bytes(bytes) => (Some(Body::Binary(bytes)), true),
        };
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_base64_and_said_to_be() {
        let reply = Reply::bytes(StatusCode::OK, "audio/mpeg", vec![0, 0xFF, 0xF3]);
        let event = serde_json::to_value(ApiGatewayV2httpResponse::from(reply)).unwrap();
        assert_eq!(
            (&event["body"], &event["isBase64Encoded"]),
            (&"AP/z".into(), &true.into())
        );
        let text = ApiGatewayV2httpResponse::from(Reply::no_content());
        assert_eq!(
            serde_json::to_value(text).unwrap()["isBase64Encoded"],
            false
        );
    }
}
