//! What a function's answer says about the parts of its batch that failed.

use std::collections::HashSet;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
struct BatchResponse {
    #[serde(rename = "batchItemFailures")]
    batch_item_failures: Option<Vec<BatchItemFailure>>,
}

#[derive(Debug, Deserialize)]
struct BatchItemFailure {
    #[serde(rename = "itemIdentifier")]
    item_identifier: String,
}

/// The items that `answer` says have failed. What Lambda cannot understand fails the whole batch, which is the error:
/// JSON of another form, or an identifier that is empty or not `in_batch`. An empty answer is a success.
/// Source: "Success and failure conditions", AWS Lambda Developer Guide, "Reporting batch item failures".
pub(super) fn failed_items(
    answer: &[u8],
    in_batch: impl Fn(&str) -> bool,
) -> Result<HashSet<String>, String> {
    if answer.iter().all(u8::is_ascii_whitespace) {
        return Ok(HashSet::new());
    }
    let response: Option<BatchResponse> = serde_json::from_slice(answer)
        .map_err(|error| format!("the answer is not a batch response: {error}"))?;
    let failed = response
        .unwrap_or_default()
        .batch_item_failures
        .unwrap_or_default();
    let failed: HashSet<String> = failed
        .into_iter()
        .map(|failure| failure.item_identifier)
        .collect();
    match failed.iter().find(|id| id.is_empty() || !in_batch(id)) {
        Some(stranger) => Err(format!(
            "the answer names `{stranger}`, which is not in the batch"
        )),
        None => Ok(failed),
    }
}
