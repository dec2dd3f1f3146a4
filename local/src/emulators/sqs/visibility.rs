//! `ChangeMessageVisibilityBatch`, whose entries fail one by one.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use winterbaume_sqs::SqsState;

use super::super::faults::AwsError;

/// The longest time in seconds for which a message can be hidden.
const LONGEST: i64 = 43_200;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: i64,
}

impl Request {
    /// Checks the request as a whole.
    pub(super) fn check(&self) -> Result<(), AwsError> {
        let refused = |code: &str, message: &str| Err(AwsError::new(400, code, message));
        match self.entries.len() {
            0 => {
                return refused(
                    "EmptyBatchRequest",
                    "There should be at least one entry in the request.",
                );
            }
            1..=10 => {}
            _ => {
                return refused(
                    "TooManyEntriesInBatchRequest",
                    "Maximum number of entries per request are 10.",
                );
            }
        }
        let ids: BTreeSet<&str> = self.entries.iter().map(|entry| entry.id.as_str()).collect();
        if ids.len() < self.entries.len() {
            return refused(
                "BatchEntryIdsNotDistinct",
                "Two or more entries have the same Id.",
            );
        }
        Ok(())
    }

    /// Does what can be done, and says what cannot.
    pub(super) fn change(&self, state: &mut SqsState) -> Result<Value, AwsError> {
        let queue = self.queue_url.rsplit('/').next().unwrap_or_default();
        if !state.queues.contains_key(queue) {
            let message = "The specified queue does not exist.";
            return Err(AwsError::new(400, "QueueDoesNotExist", message));
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            match entry.change(state, queue) {
                Ok(()) => successful.push(json!({"Id": entry.id})),
                Err((code, message)) => failed.push(
                    json!({"Id": entry.id, "SenderFault": true, "Code": code, "Message": message}),
                ),
            }
        }
        Ok(json!({"Successful": successful, "Failed": failed}))
    }
}

impl Entry {
    fn change(
        &self,
        state: &mut SqsState,
        queue: &str,
    ) -> Result<(), (&'static str, &'static str)> {
        let seconds = u32::try_from(self.visibility_timeout);
        let seconds = seconds.ok().filter(|_| self.visibility_timeout <= LONGEST);
        let seconds = seconds.ok_or((
            "InvalidParameterValue",
            "VisibilityTimeout must be between 0 and 43200.",
        ))?;
        state
            .change_message_visibility(queue, &self.receipt_handle, seconds)
            .map_err(|_| {
                (
                    "ReceiptHandleIsInvalid",
                    "The input receipt handle is invalid.",
                )
            })
    }
}
