//! What invokes a function besides its URL.

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
            other => {
                let message = format!(
                    "the local stack cannot deliver events of type `{other}`: it knows SQS, and function URLs"
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
        let mut report_batch_item_failures = false;
        for item in properties.list("FunctionResponseTypes") {
            match item.known_text() {
                Some("ReportBatchItemFailures") => report_batch_item_failures = true,
                _ => faults.add(
                    item.at,
                    "the only response type is `ReportBatchItemFailures`",
                ),
            }
        }
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
