//! Calls that browsers make, and what they pass along.

use super::*;

/// The request for the document of a browser's call, which passes these along.
fn browser_call(custom: &[(&str, &str)]) -> Fact {
    let mut parameters = vec![
        ("CallSid", CALL),
        ("From", "client:alice"),
        ("To", "+12025550120"),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
    ];
    parameters.extend_from_slice(custom);
    fact(Route::Voice, &parameters)
}

#[test]
fn a_browser_writes_no_facts_of_its_own_call() {
    let custom = [
        ("ParentCallSid", CHILD),
        ("CallDuration", "99999"),
        ("DialCallStatus", "completed"),
        ("AnsweredBy", "human"),
        ("lead", "42"),
    ];
    let passed = browser_call(&custom);
    assert_eq!(passed.listing(), "call");
    assert_eq!(passed.group(), None);
    assert_eq!(
        passed.custom,
        custom
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    );
    let call = Call::of(&History::new([passed])).unwrap();
    assert_eq!(Some(call), Call::of(&History::new([browser_call(&[])])));
}

#[test]
fn a_browser_writes_no_facts_of_its_own_call_with_later_requests_either() {
    let own = [
        ("CallSid", CALL),
        ("From", "client:alice"),
        ("Direction", "inbound"),
        ("CallStatus", "completed"),
        ("CallDuration", "42"),
    ];
    let passed = [("ParentCallSid", CHILD), ("DialCallStatus", "busy")];
    let parameters = [&own[..], &passed[..]].concat();
    let history = History::new([fact(Route::VoiceStatus, &parameters)]);
    let call = Call::of(&history).unwrap();
    assert_eq!(
        (call.duration, call.dial_status, call.parent_sid),
        (Some(42), None, None)
    );
}

#[test]
fn what_a_browser_passes_is_part_of_what_makes_a_fact() {
    assert_ne!(browser_call(&[]).id(), browser_call(&[("a", "b")]).id());
    assert_ne!(
        browser_call(&[("a", "b")]).id(),
        browser_call(&[("a", "c")]).id()
    );
}

#[test]
fn what_twilio_adds_to_a_phones_call_is_kept_as_its_own() {
    let call = fact(
        Route::Voice,
        &[
            ("CallSid", CALL),
            ("From", "+12025550120"),
            ("SipHeader_X-A", "1"),
        ],
    );
    assert_eq!(call.parameter("SipHeader_X-A"), Some("1"));
    assert_eq!(call.custom.len(), 0);
}

#[test]
fn a_leg_that_is_dialled_for_a_browser_keeps_its_parent() {
    let child = fact(
        Route::VoiceStatus,
        &[
            ("CallSid", CHILD),
            ("ParentCallSid", CALL),
            ("From", "client:alice"),
            ("Direction", "outbound-dial"),
            ("CallStatus", "completed"),
        ],
    );
    assert_eq!(child.parent(), Some(CALL.parse().unwrap()));
}
