//! What is told of credentials.

use jiff::Timestamp;
use serde_json::json;

use super::{Event, data, schemas, scope};
use crate::events::{CredentialFailure, CredentialNews, CredentialRecovery, FailureReason};
use crate::tenant::Provider;
use crate::verification::Outcome;

fn event(news: &CredentialNews) -> Event {
    let data = serde_json::value::to_raw_value(news).unwrap();
    let event_type = news.event_type().as_str().to_owned();
    let event = Event::stored(
        &scope("acme"),
        "an-id".to_owned(),
        event_type,
        Timestamp::UNIX_EPOCH,
        data,
    );
    schemas::assert_conforms(&event);
    event
}

#[test]
fn a_failure_says_why() {
    for (reason, told) in [
        (FailureReason::Invalid, "invalid"),
        (FailureReason::TakenOver, "taken_over"),
    ] {
        let failed = event(&CredentialNews::Failed(CredentialFailure {
            provider: Provider::ElevenLabs,
            reason,
            error: Some("not known".to_owned()),
        }));
        assert_eq!(failed.event_type, "credential.failed");
        assert_eq!(
            data(&failed),
            json!({"provider": "elevenlabs", "reason": told, "error": "not known"})
        );
    }
}

#[test]
fn a_recovery_says_what_was_found_if_anybody_looked() {
    for (outcome, expected) in [
        (
            Some(Outcome::Restricted),
            json!({"provider": "twilio", "outcome": "restricted"}),
        ),
        (None, json!({"provider": "twilio"})),
    ] {
        let provider = Provider::Twilio;
        let recovery = CredentialRecovery { provider, outcome };
        let recovered = event(&CredentialNews::Recovered(recovery));
        assert_eq!(recovered.event_type, "credential.recovered");
        assert_eq!(data(&recovered), expected);
    }
}
