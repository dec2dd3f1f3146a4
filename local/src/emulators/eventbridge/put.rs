//! What `PutEvents` is asked, and what of it is refused.
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

use jiff::Timestamp;
use serde_json::Value;
use winterbaume_core::default_account_id;

use super::super::faults::AwsError;
use super::super::wire::Target;
use super::DEFAULT_BUS;
use crate::iam;
use crate::template::REGION;

/// The most entries of one call.
const MOST: usize = 10;

/// All entries of a call together stay below this many bytes.
/// Source: "Calculating `PutEvents` event entry size", EventBridge User Guide.
const LIMIT: usize = 256 * 1024;

/// An entry that is not taken, while others of the same call may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedEntry {
    /// The code by which callers know it.
    pub code: String,
    /// The sentence that comes with it.
    pub message: String,
}

impl FailedEntry {
    /// An entry that failed with any code.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }

    /// A fault of EventBridge itself. Callers retry it.
    #[must_use]
    pub fn internal() -> Self {
        Self::new("InternalFailure", "The request processing has failed.")
    }

    /// More entries a second than the account may put. Callers retry it.
    #[must_use]
    pub fn throttled() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }

    fn missing(name: &str) -> Self {
        let message =
            format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        Self::new("InvalidArgument", message)
    }
}

/// One event that is put.
pub(super) struct Entry {
    pub(super) bus: String,
    pub(super) source: String,
    pub(super) detail_type: String,
    pub(super) detail: Value,
    pub(super) resources: Vec<String>,
    /// When it happened; by default when it is put.
    pub(super) time: Option<Timestamp>,
}

/// One call, each entry judged for itself.
pub(super) struct Put {
    pub(super) entries: Vec<Result<Entry, FailedEntry>>,
}

impl Put {
    /// Reads a call.
    ///
    /// # Errors
    ///
    /// What fails all of its entries.
    pub(super) fn read(body: &Value) -> Result<Self, AwsError> {
        let invalid = |message: &str| AwsError::new(400, "ValidationException", message);
        let entries = body["Entries"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if entries.is_empty() {
            return Err(invalid(
                "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ));
        }
        if entries.len() > MOST {
            return Err(invalid(
                "1 validation error detected: Value '[PutEventsRequestEntry]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10",
            ));
        }
        if entries.iter().map(size).sum::<usize>() >= LIMIT {
            return Err(invalid(
                "Total size of the entries in the request is over the limit.",
            ));
        }
        Ok(Self {
            entries: entries.iter().map(Entry::read).collect(),
        })
    }
}

/// Bytes of an entry, as EventBridge counts them.
fn size(entry: &Value) -> usize {
    let texts = ["Source", "DetailType", "Detail"].map(|name| entry[name].as_str());
    let resources = entry["Resources"].as_array().into_iter().flatten();
    let texts = texts
        .into_iter()
        .flatten()
        .chain(resources.filter_map(Value::as_str));
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    texts.map(str::len).sum::<usize>() + time
}

impl Entry {
    fn read(entry: &Value) -> Result<Self, FailedEntry> {
        let text = |name: &str| {
            let text = entry[name].as_str().filter(|text| !text.is_empty());
            text.ok_or_else(|| FailedEntry::missing(name))
        };
        let (source, detail_type) = (text("Source")?, text("DetailType")?);
        let detail = text("Detail")?;
        if source.starts_with("aws.") {
            let message = "Not authorized for the source.";
            return Err(FailedEntry::new("NotAuthorizedForSourceException", message));
        }
        let detail: Option<Value> = serde_json::from_str(detail).ok();
        let detail = detail
            .filter(Value::is_object)
            .ok_or_else(|| FailedEntry::new("MalformedDetail", "Detail is malformed."))?;
        let resources = entry["Resources"].as_array().into_iter().flatten();
        let resources = resources.filter_map(|resource| resource.as_str().map(str::to_owned));
        Ok(Self {
            bus: bus_name(entry),
            source: source.to_owned(),
            detail_type: detail_type.to_owned(),
            detail,
            resources: resources.collect(),
            time: time(&entry["Time"]),
        })
    }
}

/// The name of an entry's bus, which may be told by its ARN.
pub(super) fn bus_name(entry: &Value) -> String {
    let given = entry["EventBusName"].as_str().unwrap_or(DEFAULT_BUS);
    let name = given.split_once(":event-bus/").map(|(_, name)| name);
    name.unwrap_or(given).to_owned()
}

/// What an entry is about, to wire logs and faults: its bus and its tenant.
pub(super) fn target(bus: String, detail: &Value) -> Target {
    let tenant = detail["tenant_id"].as_str();
    Target {
        resource: bus,
        partition: tenant.map(|tenant| format!("{tenant}#")),
        index: None,
        action: None,
    }
}

/// What a caller must be allowed to put an entry.
pub(super) fn request(entry: &Value) -> iam::Request {
    let account = default_account_id();
    let bus = bus_name(entry);
    let resource = format!("arn:aws:events:{REGION}:{account}:event-bus/{bus}");
    iam::Request::new("events:PutEvents", resource)
        .with(iam::EVENT_SOURCE, entry["Source"].as_str())
        .with(iam::EVENT_DETAIL_TYPE, entry["DetailType"].as_str())
}

/// Seconds since 1970, with a fraction or not.
fn time(value: &Value) -> Option<Timestamp> {
    let since = std::time::Duration::try_from_secs_f64(value.as_f64()?).ok()?;
    let milliseconds = i64::try_from(since.as_millis()).ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}
