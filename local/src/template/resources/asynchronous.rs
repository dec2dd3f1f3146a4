//! `EventInvokeConfig`: how Lambda invokes a function when nobody waits for the answer.

use std::time::Duration;

use crate::template::properties::Properties;

/// What becomes of an event that nobody waits for, such as a schedule's, when the function fails.
/// Source: "Configuring error handling settings for asynchronous invocation", AWS Lambda Developer Guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsynchronousInvocation {
    /// How often it is tried again: 0 to 2 times.
    pub maximum_retry_attempts: u32,
    /// How old it may be when it is tried again: 1 minute to 6 hours.
    pub maximum_event_age: Duration,
}

impl Default for AsynchronousInvocation {
    fn default() -> Self {
        Self {
            maximum_retry_attempts: 2,
            maximum_event_age: Duration::from_secs(6 * 60 * 60),
        }
    }
}

impl AsynchronousInvocation {
    pub(super) fn read(function: &mut Properties<'_>) -> Self {
        let mut read = Self::default();
        let Some(mut properties) = function.map("EventInvokeConfig") else {
            return read;
        };
        if let Some(attempts) = properties.number("MaximumRetryAttempts", 0..=2) {
            read.maximum_retry_attempts = attempts;
        }
        if let Some(seconds) = properties.number("MaximumEventAgeInSeconds", 60..=21_600) {
            read.maximum_event_age = Duration::from_secs(u64::from(seconds));
        }
        properties.finish();
        read
    }
}
