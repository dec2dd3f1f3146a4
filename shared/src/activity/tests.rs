//! Facts and what is derived from them.

mod browsers;
mod disputed;
mod failures;
mod media;
mod opt_outs;
mod recordings;
mod whatsapp;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::twilio::Parameters;

const MESSAGE: &str = "SM00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000001";
const CHILD: &str = "CA00000000000000000000000000000002";
const RECORDING: &str = "RE00000000000000000000000000000001";

fn fact(route: Route, parameters: &[(&str, &str)]) -> Fact {
    let parameters = parameters.iter().copied().collect::<Parameters<'_>>();
    Fact::new(route, &parameters, Timestamp::UNIX_EPOCH).unwrap()
}

fn status(status: &str, more: &[(&str, &str)]) -> Fact {
    let mut parameters = vec![
        ("MessageSid", MESSAGE),
        ("From", "+15005550006"),
        ("To", "+15005550010"),
        ("MessageStatus", status),
    ];
    parameters.extend_from_slice(more);
    fact(Route::SmsStatus, &parameters)
}

fn leg(status: &str, more: &[(&str, &str)]) -> Fact {
    let mut parameters = vec![
        ("CallSid", CALL),
        ("From", "+15005550010"),
        ("To", "+15005550006"),
        ("Direction", "inbound"),
        ("CallStatus", status),
    ];
    parameters.extend_from_slice(more);
    fact(Route::VoiceStatus, &parameters)
}

fn call_history() -> Vec<Fact> {
    vec![
        leg("ringing", &[]),
        leg("in-progress", &[("SequenceNumber", "2")]),
        leg(
            "completed",
            &[("CallDuration", "42"), ("SequenceNumber", "3")],
        ),
        fact(
            Route::VoiceDial,
            &[
                ("CallSid", CALL),
                ("From", "+15005550010"),
                ("To", "+15005550006"),
                ("Direction", "inbound"),
                ("CallStatus", "in-progress"),
                ("DialCallStatus", "no-answer"),
                ("DialCallSid", CHILD),
            ],
        ),
    ]
}

#[test]
fn an_inbound_message_is_told_by_its_one_fact() {
    let history = History::new([fact(
        Route::Sms,
        &[
            ("MessageSid", MESSAGE),
            ("From", "+15005550010"),
            ("To", "+15005550006"),
            ("Body", "Hello"),
            ("NumSegments", "2"),
            ("MessagingServiceSid", "MG00000000000000000000000000000001"),
        ],
    )]);
    let message = Message::of(&history).unwrap();
    assert_eq!(
        (message.channel, message.direction),
        (Channel::Sms, Direction::Inbound)
    );
    assert_eq!(message.contact, "+15005550010");
    assert_eq!(message.body.as_deref(), Some("Hello"));
    assert_eq!(message.status.as_str(), "received");
    assert_eq!(message.segments, Some(2));
    let service = message.messaging_service_sid.unwrap();
    assert_eq!(service.as_str(), "MG00000000000000000000000000000001");
}

#[test]
fn a_late_status_never_takes_a_message_back() {
    let history = History::new([
        status("delivered", &[]),
        status("sent", &[]),
        status("queued", &[]),
    ]);
    let message = Message::of(&history).unwrap();
    assert_eq!(message.status.as_str(), "delivered");
    assert_eq!(message.direction, Direction::Outbound);
    assert_eq!(message.contact, "+15005550010");
}

#[test]
fn the_contact_of_a_message_does_not_depend_on_which_fact_came_first() {
    let inbound = fact(
        Route::Sms,
        &[
            ("MessageSid", MESSAGE),
            ("From", "+15005550010"),
            ("To", "+15005550006"),
        ],
    );
    let mut later = status("sent", &[("To", "+15005550011")]);
    for seconds in [-1, 1] {
        later.received_at = Timestamp::from_second(seconds).unwrap();
        let message = Message::of(&History::new([inbound.clone(), later.clone()])).unwrap();
        assert_eq!(message.contact, message.from);
    }
}

#[test]
fn an_unknown_status_is_kept_and_gives_way() {
    let alone = History::new([status("teleported", &[])]);
    assert_eq!(Message::of(&alone).unwrap().status.as_str(), "teleported");
    let with_known = History::new([status("teleported", &[]), status("queued", &[])]);
    assert_eq!(Message::of(&with_known).unwrap().status.as_str(), "queued");
}

#[test]
fn a_browsers_call_went_though_twilio_calls_it_inbound() {
    let history = History::new([fact(
        Route::Voice,
        &[
            ("CallSid", CALL),
            ("From", "client:agent_1"),
            ("To", "+15005550010"),
            ("Direction", "inbound"),
            ("CallStatus", "ringing"),
        ],
    )]);
    assert_eq!(Call::of(&history).unwrap().direction, Direction::Outbound);
}

#[test]
fn a_call_tells_its_end_and_that_of_its_dial() {
    let call = Call::of(&History::new(call_history())).unwrap();
    assert_eq!(call.status.as_str(), "completed");
    assert_eq!(call.duration, Some(42));
    assert_eq!(call.dial_status.unwrap().as_str(), "no-answer");
}

#[test]
fn a_child_leg_is_listed_with_its_parent_alone() {
    let child = fact(
        Route::VoiceStatus,
        &[
            ("CallSid", CHILD),
            ("ParentCallSid", CALL),
            ("CallStatus", "completed"),
        ],
    );
    assert_eq!(child.listing(), "leg");
    assert_eq!(child.group(), Some(Group::Call(CALL.parse().unwrap())));
    assert_eq!(leg("ringing", &[]).listing(), "call");
}

#[test]
fn a_parent_that_is_no_call_is_none() {
    let child = fact(
        Route::VoiceStatus,
        &[("CallSid", CHILD), ("ParentCallSid", "zzz")],
    );
    assert_eq!((child.group(), child.listing()), (None, "call"));
}

#[test]
fn what_names_its_resource_in_another_way_is_kept_under_that() {
    let elsewhere = ("RecordingUrl", "https://bucket.example/voicemail-17.wav");
    for route in [
        Route::VoiceVoicemail,
        Route::VoiceRecording,
        Route::VoiceTranscription,
    ] {
        let left = fact(
            route,
            &[("CallSid", CALL), ("RecordingSid", "REx"), elsewhere],
        );
        assert_eq!(
            left.resource,
            Resource::Call(CALL.parse().unwrap()),
            "{route:?}"
        );
        assert_eq!(left.parameter("RecordingUrl"), Some(elsewhere.1));
        assert!(Call::of(&History::new([left])).is_some());
    }
    let message = fact(Route::Sms, &[("SmsSid", MESSAGE), ("Body", "Hello")]);
    assert_eq!(
        message.resource,
        Resource::Message(MESSAGE.parse().unwrap())
    );
}

#[test]
fn a_message_without_any_end_can_be_read() {
    for (route, channel) in [
        (Route::Sms, Channel::Sms),
        (Route::WhatsappStatus, Channel::WhatsApp),
    ] {
        let history = History::new([fact(route, &[("MessageSid", MESSAGE), ("Body", "Hello")])]);
        let message = Message::of(&history).unwrap();
        assert_eq!((message.contact.as_str(), message.channel), ("", channel));
        assert_eq!(message.body.as_deref(), Some("Hello"));
    }
}

#[test]
fn a_webhook_that_names_nothing_is_refused_by_name() {
    for (route, parameter) in [
        (Route::Sms, "MessageSid"),
        (Route::Voice, "CallSid"),
        (Route::VoiceRecording, "RecordingSid"),
    ] {
        let refusal = Fact::new(route, &Parameters::default(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refusal, MalformedWebhook { parameter });
    }
}

#[test]
fn tokens_and_twins_are_not_kept() {
    let kept = fact(
        Route::Voice,
        &[
            ("CallSid", CALL),
            ("CallToken", "acts-for-the-caller"),
            ("StirPassportToken", "acts-too"),
            ("AccountSid", "AC1"),
            ("Caller", "+15005550010"),
            ("FromCity", ""),
            ("From", "+15005550010"),
        ],
    );
    assert_eq!(
        kept.parameters.keys().collect::<Vec<_>>(),
        ["CallSid", "From"]
    );
}

#[test]
fn a_repeated_delivery_is_the_same_fact_and_another_is_not() {
    assert_eq!(status("sent", &[]).id(), status("sent", &[]).id());
    let mut later = status("sent", &[]);
    later.received_at = Timestamp::MAX;
    assert_eq!(later.id(), status("sent", &[]).id());
    assert_ne!(
        status("sent", &[("a", "bc")]).id(),
        status("sent", &[("ab", "c")]).id()
    );
    assert_ne!(
        leg("completed", &[]).id(),
        fact(Route::VoiceDial, &[("CallSid", CALL)]).id()
    );
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_facts_is_the_same_history(
        order in proptest::collection::vec(0_usize..4, 4..16)
    ) {
        let facts = call_history();
        let mut delivered: Vec<Fact> = order.iter().map(|n| facts[*n].clone()).collect();
        // Whatever was drawn, each arrives at least once.
        delivered.extend(facts.iter().cloned());
        delivered.rotate_left(order[0]);
        prop_assert_eq!(History::new(delivered), History::new(facts));
    }
}
