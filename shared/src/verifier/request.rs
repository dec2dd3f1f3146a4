//! What the verifier is asked, and what it answers.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::counts::Counts;
use crate::deferred::{Batch, BatchOutcome};
use crate::drift::DriftFinding;
use crate::integrations::IntegrationError;
use crate::store::StoreError;
use crate::tenant::{Provider, TenantId};

/// What is asked.
#[derive(Debug)]
pub enum Request {
    /// The schedule's event: to verify the tenants of the minute of this moment, and to go on with what is due.
    Minute(Timestamp),
    /// Messages of the verifier's own queue.
    Batch(Batch),
    /// `{"tenant_id": "…"}`: to verify one tenant, now.
    Tenant(TenantId),
    /// `{"all": true}`: to begin to verify all tenants, now.
    All,
}

/// An event that is none of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an event of the schedule (\"detail-type\": \"Scheduled Event\" with its \"time\"), messages of the queue (\"Records\"), \
     {{\"tenant_id\": \"…\"}} or {{\"all\": true}}, and nothing else"
)]
pub struct UnknownRequest;

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    /// When it is none that the verifier is invoked with.
    pub fn of(event: Value) -> Result<Self, UnknownRequest> {
        let Value::Object(members) = &event else {
            return Err(UnknownRequest);
        };
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if members.contains_key("Records") {
            let batch = serde_json::from_value(event).map_err(|_| UnknownRequest)?;
            return Ok(Self::Batch(batch));
        }
        if text("source") == Some("aws.events") && text("detail-type") == Some("Scheduled Event") {
            let time = text("time").and_then(|time| time.parse().ok());
            return time.map(Self::Minute).ok_or(UnknownRequest);
        }
        match single(members) {
            Some(("tenant_id", Value::String(id))) => {
                id.parse().map(Self::Tenant).map_err(|_| UnknownRequest)
            }
            Some(("all", Value::Bool(true))) => Ok(Self::All),
            _ => Err(UnknownRequest),
        }
    }
}

fn single(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = members.iter();
    let (name, value) = members.next()?;
    members.next().is_none().then_some((name.as_str(), value))
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To the schedule.
    Minute {
        /// The run of the minute.
        run: String,
        /// Whether it was made now.
        state: RunEnd,
        /// What came of it; nothing, where it was not made now.
        #[serde(skip_serializing_if = "Option::is_none")]
        counts: Option<Counts>,
        /// Earlier runs that were missed, and were made now.
        caught_up: Vec<String>,
        /// How many entries of the list of what is due were taken.
        due: usize,
    },
    /// To the queue.
    Batch(BatchOutcome),
    /// To who asked for one tenant.
    Tenant {
        /// The tenant.
        tenant_id: TenantId,
        /// Whether it is served; nothing of one that is not is verified.
        active: bool,
        /// What was found of each of its credentials.
        integrations: Vec<VerifiedIntegration>,
        /// What was not as it should be at Twilio.
        drift: Vec<DriftFinding>,
    },
    /// To who asked for all.
    All {
        /// The name of the run, in the log and on what it verifies.
        run: String,
        /// Whether it begins: always.
        started: bool,
    },
}

/// Credentials that were verified.
#[derive(Debug, Serialize)]
pub struct VerifiedIntegration {
    /// Whose.
    pub provider: Provider,
    /// An outcome of a check; `unreadable`, where they do not open; `undecided`, where they were changed meanwhile.
    pub outcome: &'static str,
}

/// How a run ended, for this invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// All of its tenants are verified or in the queue.
    Done,
    /// Another invocation is at it.
    Held,
    /// There was nothing left of it.
    Finished,
}

/// Why it was not done. All of it is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum VerifierError {
    /// The event is none that the verifier knows.
    #[error(transparent)]
    Unknown(#[from] UnknownRequest),
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    NoTenant(TenantId),
    /// A store failed. What was done is done, and is not done again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The same in the middle of a check.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    /// The queue did not take what is left.
    #[error("the queue did not take what is left to be verified")]
    Queue,
}

impl VerifierError {
    /// A name of it, for machines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "UnknownRequest",
            Self::NoTenant(_) => "UnknownTenant",
            Self::Store(_) | Self::Integration(_) => "StoreFailed",
            Self::Queue => "QueueFailed",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_event_that_invokes_it_is_told_from_the_others() {
        let scheduled = json!({"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events",
            "time": "2026-11-01T12:34:00Z", "detail": {}});
        let minute = Request::of(scheduled).unwrap();
        assert!(matches!(minute, Request::Minute(at) if at.to_string() == "2026-11-01T12:34:00Z"));
        let batch = Request::of(json!({"Records": [{"messageId": "1", "body": "{}"}]})).unwrap();
        assert!(matches!(batch, Request::Batch(batch) if batch.messages.len() == 1));
        let tenant = Request::of(json!({"tenant_id": "acme"})).unwrap();
        assert!(matches!(tenant, Request::Tenant(id) if id.as_str() == "acme"));
        assert!(matches!(
            Request::of(json!({"all": true})),
            Ok(Request::All)
        ));
    }

    #[test]
    fn anything_else_is_refused() {
        for event in [
            json!({}),
            json!([]),
            json!("all"),
            json!({"all": false}),
            json!({"all": true, "tenant_id": "acme"}),
            json!({"tenant_id": "No Slug"}),
            json!({"tenant_id": 7}),
            json!({"Records": 1}),
            json!({"detail-type": "Scheduled Event", "source": "aws.events", "time": "noon"}),
            json!({"detail-type": "Scheduled Event", "time": "2026-11-01T12:34:00Z"}),
        ] {
            assert!(Request::of(event.clone()).is_err(), "{event}");
        }
    }
}
