//! What a schedule invokes a function with.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use winterbaume_core::default_account_id;

use crate::lambda::request_id;
use crate::template::{REGION, Schedule, ScheduleService};

/// The event of one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledEvent {
    service: ScheduleService,
    arn: String,
    input: Option<String>,
}

impl ScheduledEvent {
    /// The event of a schedule to which SAM gives this logical id: the function's, then that of the event.
    #[must_use]
    pub fn new(schedule: &Schedule, generated: &str) -> Self {
        Self {
            service: schedule.service,
            arn: schedule.arn(generated),
            input: schedule.input.clone(),
        }
    }

    /// The JSON of the event that comes due at `time`: the template's `Input`, or what the service says of itself.
    /// Sources: "Scheduled events", AWS Lambda Developer Guide. `EventBridge` Scheduler's own has text for `detail`.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Bytes {
        if let Some(input) = &self.input {
            return Bytes::from(input.clone());
        }
        let (source, detail) = match self.service {
            ScheduleService::Rule => ("aws.events", json!({})),
            ScheduleService::Scheduler => ("aws.scheduler", json!("{}")),
        };
        let event = json!({
            "version": "0",
            "id": request_id(),
            "detail-type": "Scheduled Event",
            "source": source,
            "account": default_account_id(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": [self.arn],
            "detail": detail,
        });
        Bytes::from(event.to_string())
    }
}
