//! What the on-failure destination of a stream is told of records that are given up: where they are, not what they are.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::batch::Batch;
use crate::emulators::StreamHandle;
use crate::lambda::request_id;

/// Why records are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// The function failed too often.
    RetryAttemptsExhausted,
    /// They became too old.
    RecordAgeExceeded,
}

/// Records that are given up.
pub(super) struct GivenUp<'a> {
    pub(super) batch: &'a Batch,
    pub(super) condition: Condition,
    /// The function's ARN.
    pub(super) function: &'a str,
    pub(super) stream: &'a StreamHandle,
    pub(super) at: Timestamp,
}

impl GivenUp<'_> {
    /// The body of the message.
    /// Source: "Example invocation record", AWS Lambda Developer Guide, "Retain discarded records for a DynamoDB event
    /// source".
    pub(super) fn message(&self) -> Value {
        let condition = match self.condition {
            Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
            Condition::RecordAgeExceeded => "RecordAgeExceeded",
        };
        let (first, last) = (self.batch.first(), self.batch.last());
        let mut message = json!({
            "requestContext": {
                "requestId": request_id(),
                "functionArn": self.function,
                "condition": condition,
                "approximateInvokeCount": self.batch.invocations,
            },
            "version": "1.0",
            "timestamp": format!("{:.3}", self.at),
            "DDBStreamBatchInfo": {
                "shardId": self.stream.shard(),
                "startSequenceNumber": first.map(|record| &record.sequence_number),
                "endSequenceNumber": last.map(|record| &record.sequence_number),
                "approximateArrivalOfFirstRecord": first.map(|record| record.created.to_string()),
                "approximateArrivalOfLastRecord": last.map(|record| record.created.to_string()),
                "batchSize": self.batch.len(),
                "streamArn": self.stream.arn(),
            },
        });
        if let Some(members) = message.as_object_mut()
            && self.batch.invocations > 0
        {
            let response = if self.batch.function_failed {
                json!({"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"})
            } else {
                json!({"statusCode": 200, "executedVersion": "$LATEST"})
            };
            members.insert("responseContext".to_owned(), response);
        }
        message
    }
}
