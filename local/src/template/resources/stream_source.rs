//! The SAM event `DynamoDB`: how the stream of a table invokes a function.

use super::pattern::Pattern;
use crate::template::expression::Expression;
use crate::template::fault::{Faults, Position};
use crate::template::properties::Properties;

/// How the stream of a table invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSource {
    /// The logical id of the table.
    pub table: String,
    /// Where a source that is new begins.
    pub starting_position: StartingPosition,
    /// The most records of one event.
    pub batch_size: u32,
    /// How many batches of a shard are in work at once. The order of each item's records is kept.
    pub parallelization: u32,
    /// Seconds to wait for a batch to fill.
    pub batching_window: u32,
    /// How often a batch that failed is tried again; without end if there is none.
    pub maximum_retry_attempts: Option<u32>,
    /// Seconds after which a record is not tried any more; without end if there is none.
    pub maximum_record_age: Option<u32>,
    /// Whether a batch that failed is halved before it is tried again.
    pub bisect_on_error: bool,
    /// Whether the function's answer names the records that failed.
    pub report_batch_item_failures: bool,
    /// Which records are handed over: those that one of the patterns chooses, or all if there is none.
    pub filters: Vec<Pattern>,
    /// The logical id of the queue that is told of records given up.
    pub on_failure: Option<String>,
    /// Whether it runs at all.
    pub enabled: bool,
}

/// Where a source begins that has no position yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// With the oldest record that the stream has.
    TrimHorizon,
    /// With what is written from now on.
    Latest,
}

impl StreamSource {
    pub(super) fn read(
        properties: Option<&Expression>,
        at: Position,
        faults: &Faults,
    ) -> Option<Self> {
        let mut properties = Properties::new("a DynamoDB event", properties, at, faults);
        properties.require("Stream");
        let stream = properties.take("Stream");
        properties.require("StartingPosition");
        let starting_position =
            match properties.one_of("StartingPosition", &["TRIM_HORIZON", "LATEST"]) {
                Some(position) if position == "LATEST" => StartingPosition::Latest,
                _ => StartingPosition::TrimHorizon,
            };
        let parallelization = properties
            .number("ParallelizationFactor", 1..=10)
            .unwrap_or(1);
        let batch_size = properties.number("BatchSize", 1..=10_000).unwrap_or(100);
        let batching_window = properties
            .number("MaximumBatchingWindowInSeconds", 0..=300)
            .unwrap_or(0);
        let maximum_retry_attempts = properties.limit("MaximumRetryAttempts", 0..=10_000);
        let maximum_record_age = properties.limit("MaximumRecordAgeInSeconds", 60..=604_800);
        let bisect_on_error = properties
            .boolean("BisectBatchOnFunctionError")
            .unwrap_or(false);
        let report_batch_item_failures = super::event::reports_item_failures(&mut properties);
        let enabled = properties.boolean("Enabled").unwrap_or(true);
        let filters = filters(&mut properties);
        let on_failure = on_failure(&mut properties);
        properties.finish();
        let stream = stream?;
        let Some((table, "StreamArn")) = stream.attribute() else {
            faults.add(
                stream.at,
                "`Stream` must be `!GetAtt Table.StreamArn` of a table of this template",
            );
            return None;
        };
        Some(Self {
            table: table.to_owned(),
            starting_position,
            batch_size,
            parallelization,
            batching_window,
            maximum_retry_attempts,
            maximum_record_age,
            bisect_on_error,
            report_batch_item_failures,
            filters,
            on_failure,
            enabled,
        })
    }
}

fn filters(properties: &mut Properties<'_>) -> Vec<Pattern> {
    let Some(mut criteria) = properties.map("FilterCriteria") else {
        return Vec::new();
    };
    let faults = criteria.faults;
    criteria.require("Filters");
    let at = criteria.place("Filters");
    let filters = criteria.list("Filters");
    criteria.finish();
    if !(1..=10).contains(&filters.len()) {
        faults.add(at, "`Filters` takes one to ten patterns");
    }
    let filters = filters.iter().filter_map(|filter| {
        let mut filter = Properties::new("a filter", Some(filter), filter.at, faults);
        let at = filter.place("Pattern");
        let pattern = filter.required_text("Pattern");
        filter.finish();
        Pattern::read(&pattern?)
            .map_err(|message| faults.add(at, message))
            .ok()
    });
    filters.collect()
}

fn on_failure(properties: &mut Properties<'_>) -> Option<String> {
    let mut configuration = properties.map("DestinationConfig")?;
    let faults = configuration.faults;
    configuration.require("OnFailure");
    let on_failure = configuration.map("OnFailure");
    configuration.finish();
    let mut on_failure = on_failure?;
    on_failure.one_of("Type", &["SQS"]);
    on_failure.require("Destination");
    let destination = on_failure.take("Destination");
    on_failure.finish();
    let destination = destination?;
    let Some((queue, "Arn")) = destination.attribute() else {
        faults.add(
            destination.at,
            "`Destination` must be `!GetAtt Queue.Arn` of a queue of this template",
        );
        return None;
    };
    Some(queue.to_owned())
}
