//! Names that a browser passes beside Twilio's own.

use jiff::Timestamp;

use super::super::*;
use super::{CALL, CHILD};
use crate::twilio::Parameters;

/// What a browser adds under Twilio's own names, before or after Twilio's.
fn of_a_browser(added: (&str, &str), is_first: bool) -> Result<Fact, MalformedWebhook> {
    let mut parameters = vec![
        ("CallSid", CALL),
        ("From", "client:agent_1"),
        ("To", "+12025550120"),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
    ];
    parameters.insert(if is_first { 0 } else { parameters.len() }, added);
    let parameters = parameters.into_iter().collect::<Parameters<'_>>();
    Fact::new(Route::Voice, &parameters, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_browser_changes_neither_its_calls_state_nor_its_direction_nor_its_name() {
    for is_first in [false, true] {
        for (name, value) in [("CallStatus", "completed"), ("Direction", "outbound-api")] {
            let kept = of_a_browser((name, value), is_first).unwrap();
            assert_eq!(kept.parameter(name), None, "{name}");
        }
        let kept = of_a_browser(("From", "+12025550199"), is_first).unwrap();
        assert_eq!(kept.parameter("From"), Some("client:agent_1"));
    }
}

#[test]
fn a_browser_that_says_twice_whom_it_dials_dials_nobody() {
    for is_first in [false, true] {
        let kept = of_a_browser(("To", "+12025550199"), is_first).unwrap();
        assert_eq!(kept.parameter("To"), None);
        assert!(kept.custom.contains_key("To"));
        let same = of_a_browser(("To", "+12025550120"), is_first).unwrap();
        assert_eq!(same.parameter("To"), Some("+12025550120"));
    }
}

#[test]
fn a_call_whose_sid_or_caller_a_browser_disputes_is_nobodys() {
    for is_first in [false, true] {
        let refusal = of_a_browser(("CallSid", CHILD), is_first).unwrap_err();
        assert_eq!(refusal.parameter, "CallSid");
        let refusal = of_a_browser(("From", "client:agent_2"), is_first).unwrap_err();
        assert_eq!(refusal.parameter, "From");
    }
}
