//! Properties that Apps and numbers have in common: a parameter in, a JSON property out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::double::first;
use crate::twilio::payload::rfc2822;

/// The longest friendly name.
const LONGEST_NAME: usize = 64;

/// A property that can be set.
#[derive(Debug)]
pub(super) struct Property {
    /// Its name in a form.
    pub(super) parameter: &'static str,
    /// Its name in JSON.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a property holds, and what it is when nobody has set it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A friendly name.
    Name,
    /// A URL; null when unset.
    Url,
    /// A URL; empty when unset.
    UrlOrEmpty,
    /// GET or POST; POST when unset.
    Method,
    /// A boolean; false when unset.
    Flag,
    /// The API's version.
    Version,
    /// The SID of this kind; empty when unset.
    Sid(&'static str),
    /// The SID of this kind; null when unset.
    SidOrNull(&'static str),
}

impl Kind {
    fn unset(self) -> Value {
        match self {
            Self::Url | Self::SidOrNull(_) => Value::Null,
            Self::UrlOrEmpty | Self::Name | Self::Sid(_) => Value::from(""),
            Self::Method => Value::from("POST"),
            Self::Flag => Value::from(false),
            Self::Version => Value::from("2010-04-01"),
        }
    }

    fn read(self, parameter: &str, text: &str) -> Result<Value, ApiError> {
        let fits = match self {
            Self::Name if text.chars().count() > LONGEST_NAME => {
                return Err(ApiError::bad_request(
                    20_002,
                    format!("{parameter} must be at most {LONGEST_NAME} characters"),
                ));
            }
            Self::Name => true,
            // Twilio keeps an URL that was cleared as an empty text.
            Self::Url | Self::UrlOrEmpty => text.is_empty() || is_callback_url(text),
            Self::Method if text.is_empty() => return Ok(self.unset()),
            Self::Method => {
                let method = text.to_ascii_uppercase();
                if !matches!(method.as_str(), "GET" | "POST") {
                    return Err(ApiError::bad_request(
                        21_403,
                        format!("{parameter} is not GET or POST"),
                    ));
                }
                return Ok(Value::from(method));
            }
            Self::Flag => return Ok(Value::from(text.eq_ignore_ascii_case("true"))),
            Self::Version => matches!(text, "2010-04-01" | "2008-08-01"),
            Self::Sid(_) | Self::SidOrNull(_) if text.is_empty() => return Ok(self.unset()),
            Self::Sid(kind) | Self::SidOrNull(kind) => crate::double::sid_kind(text) == Some(kind),
        };
        if fits {
            return Ok(Value::from(text));
        }
        Err(match self {
            Self::Url | Self::UrlOrEmpty => {
                ApiError::bad_request(21_205, format!("{parameter} is not a valid URL: {text}"))
            }
            Self::Sid("AP") => ApiError::bad_request(21_218, format!("{parameter} is not valid")),
            _ => ApiError::bad_request(20_001, format!("{parameter} is not valid")),
        })
    }
}

/// Whether Twilio would call a URL. It refuses host names with underscores.
fn is_callback_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.contains('_'))
    })
}

/// An App, a number or a service: a SID, times and properties.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Resource {
    pub(super) sid: String,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    properties: Map<String, Value>,
}

impl Resource {
    /// A resource of which nothing is set.
    pub(super) fn new(sid: String, now: Timestamp, properties: &[Property]) -> Self {
        let unset = properties
            .iter()
            .map(|property| (property.name.to_owned(), property.kind.unset()));
        Self {
            sid,
            created: now,
            updated: now,
            properties: unset.collect(),
        }
    }

    /// A property.
    pub(super) fn get(&self, name: &str) -> &Value {
        self.properties.get(name).unwrap_or(&Value::Null)
    }

    /// The text of a property; empty if it is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// Sets a property whatever it is.
    pub(super) fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), value.into());
    }

    /// Sets what a form names: all of it, or nothing if a value is refused. Twilio ignores names that it does not know.
    pub(super) fn update(
        &mut self,
        known: &[Property],
        form: &[(String, String)],
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let mut values = Vec::new();
        for property in known {
            if let Some(text) = first(form, property.parameter) {
                values.push((property.name, property.kind.read(property.parameter, text)?));
            }
        }
        for (name, value) in values {
            self.put(name, value);
        }
        self.updated = now;
        Ok(())
    }

    /// The document of a v2010 resource.
    pub(super) fn document(&self, account: &str, collection: &str) -> Map<String, Value> {
        let mut document = self.properties.clone();
        let uri = format!(
            "/2010-04-01/Accounts/{account}/{collection}/{}.json",
            self.sid
        );
        for (name, value) in [
            ("sid", self.sid.clone()),
            ("account_sid", account.to_owned()),
            ("date_created", rfc2822(self.created)),
            ("date_updated", rfc2822(self.updated)),
            ("uri", uri),
        ] {
            document.insert(name.to_owned(), Value::from(value));
        }
        document
    }

    /// The document of a v1 resource, whose times are in ISO 8601.
    pub(super) fn document_v1(&self, account: &str) -> Map<String, Value> {
        let mut document = self.properties.clone();
        for (name, value) in [
            ("sid", self.sid.clone()),
            ("account_sid", account.to_owned()),
            ("date_created", iso8601(self.created)),
            ("date_updated", iso8601(self.updated)),
        ] {
            document.insert(name.to_owned(), Value::from(value));
        }
        document
    }
}

/// ISO 8601 in GMT, to the second.
pub(super) fn iso8601(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
