//! What invokes a function besides its URL.

use std::collections::BTreeSet;

use super::schedule::Schedule;
use super::stream_source::StreamSource;
use crate::template::attributes::REF;
use crate::template::expression::{Expression, Field};
use crate::template::fault::{Faults, Position};
use crate::template::properties::Properties;

/// One entry of a function's `Events`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name in the template.
    pub name: String,
    /// Where it stands in the template.
    pub at: Position,
    /// Where its events come from.
    pub source: EventSource,
}

/// Where events come from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventSource {
    /// Messages of an SQS queue.
    Queue(QueueSource),
    /// Records of a table's stream.
    Stream(StreamSource),
    /// The clock.
    Schedule(Schedule),
    /// Requests to a route of an HTTP API.
    Api(ApiRoute),
}

/// One route of an HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRoute {
    /// The logical id of the API.
    pub api: String,
    /// The method, in upper case.
    pub method: String,
    /// The path, such as `/api/tenants/{tenant_id}`: each segment is fixed or a parameter.
    pub path: String,
    /// Whether the API's authorizer stands before it.
    pub authorized: bool,
}

/// How an SQS queue invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueSource {
    /// The logical id of the queue.
    pub queue: String,
    /// The most messages of one event.
    pub batch_size: u32,
    /// Seconds to wait for a batch to fill.
    pub batching_window: u32,
    /// Whether the function's answer names the messages that failed.
    pub report_batch_item_failures: bool,
    /// The most events in work at once.
    pub maximum_concurrency: Option<u32>,
    /// Whether it runs at all.
    pub enabled: bool,
}

impl Event {
    pub(super) fn read(field: &Field, faults: &Faults) -> Option<Self> {
        let owner = format!("the event `{}`", field.name);
        let mut event = Properties::new(owner, Some(&field.value), field.at, faults);
        let kind_at = event.place("Type");
        let kind = event.required_text("Type");
        let properties = event.take("Properties");
        event.finish();
        let source = match kind?.as_str() {
            "SQS" => EventSource::Queue(QueueSource::read(properties, field.at, faults)?),
            "DynamoDB" => EventSource::Stream(StreamSource::read(properties, field.at, faults)?),
            "Schedule" => EventSource::Schedule(Schedule::read_rule(properties, field.at, faults)?),
            "ScheduleV2" => {
                EventSource::Schedule(Schedule::read_scheduler(properties, field.at, faults)?)
            }
            "HttpApi" => EventSource::Api(ApiRoute::read(properties, field.at, faults)?),
            other => {
                let message = format!(
                    "the local stack cannot deliver events of type `{other}`: it knows SQS, DynamoDB, Schedule, ScheduleV2 and HttpApi, and function URLs"
                );
                faults.add(kind_at, message);
                return None;
            }
        };
        Some(Self {
            name: field.name.clone(),
            at: field.at,
            source,
        })
    }
}

impl ApiRoute {
    /// Methods that a route can be for. `ANY` would hide what a function serves.
    const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

    fn read(properties: Option<&Expression>, at: Position, faults: &Faults) -> Option<Self> {
        let mut properties = Properties::new("an HttpApi event", properties, at, faults);
        properties.require("ApiId");
        let api = properties.take("ApiId");
        properties.require("Method");
        let method = properties.one_of("Method", &Self::METHODS);
        let path_at = properties.place("Path");
        let path = properties.required_text("Path");
        properties.one_of("PayloadFormatVersion", &["2.0"]);
        let mut authorized = true;
        if let Some(mut auth) = properties.map("Auth") {
            authorized = auth.one_of("Authorizer", &["NONE"]).is_none();
            auth.finish();
        }
        properties.finish();
        let path = path?;
        if !is_path(&path) {
            let message = format!(
                "`{path}` is no path of a route here: write `/` and fixed segments or `{{parameters}}` between slashes, each parameter once"
            );
            faults.add(path_at, message);
            return None;
        }
        let api = api?;
        let Some((logical_id, REF)) = api.attribute() else {
            faults.add(
                api.at,
                "`ApiId` must be `!Ref` of an HTTP API of this template",
            );
            return None;
        };
        Some(Self {
            api: logical_id.to_owned(),
            method: method?,
            path,
            authorized,
        })
    }

    /// What two routes of an API may not have in common: the path with its parameters' names taken away.
    pub(super) fn shape(&self) -> String {
        let segments = self.path.split('/').map(|segment| {
            if segment.starts_with('{') {
                "{}"
            } else {
                segment
            }
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

/// Whether a route can have this path here. Greedy parameters (`{proxy+}`) are not for this stack.
fn is_path(path: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let is_fixed = |segment: &str| {
        !segment.is_empty()
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    let parameter = |segment: &str| {
        segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .map(str::to_owned)
    };
    let Some(segments) = path.strip_prefix('/') else {
        return false;
    };
    let mut names = BTreeSet::new();
    segments.split('/').all(|segment| match parameter(segment) {
        Some(name) => is_name(&name) && names.insert(name),
        None => is_fixed(segment),
    })
}

/// Whether `FunctionResponseTypes` lets the function's answer name what failed.
pub(super) fn reports_item_failures(properties: &mut Properties<'_>) -> bool {
    let mut reports = false;
    for item in properties.list("FunctionResponseTypes") {
        match item.known_text() {
            Some("ReportBatchItemFailures") => reports = true,
            _ => properties.faults.add(
                item.at,
                "the only response type is `ReportBatchItemFailures`",
            ),
        }
    }
    reports
}

impl QueueSource {
    fn read(properties: Option<&Expression>, at: Position, faults: &Faults) -> Option<Self> {
        let mut properties = Properties::new("an SQS event", properties, at, faults);
        properties.require("Queue");
        let queue = properties.take("Queue");
        let batch_at = properties.place("BatchSize");
        let batch_size = properties.number("BatchSize", 1..=10_000).unwrap_or(10);
        let batching_window = properties
            .number("MaximumBatchingWindowInSeconds", 0..=300)
            .unwrap_or(0);
        if batch_size > 10 && batching_window == 0 {
            let message =
                "a BatchSize above 10 needs a MaximumBatchingWindowInSeconds of at least 1";
            faults.add(batch_at, message);
        }
        let enabled = properties.boolean("Enabled").unwrap_or(true);
        let report_batch_item_failures = reports_item_failures(&mut properties);
        let maximum_concurrency = properties.map("ScalingConfig").and_then(|mut scaling| {
            let concurrency = scaling.number("MaximumConcurrency", 2..=1_000);
            scaling.finish();
            concurrency
        });
        properties.finish();
        let queue = queue?;
        let Some((logical_id, "Arn")) = queue.attribute() else {
            faults.add(
                queue.at,
                "`Queue` must be `!GetAtt Queue.Arn` of a queue of this template",
            );
            return None;
        };
        Some(Self {
            queue: logical_id.to_owned(),
            batch_size,
            batching_window,
            report_batch_item_failures,
            maximum_concurrency,
            enabled,
        })
    }
}
