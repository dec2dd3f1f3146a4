//! Which events a change gives, and that each is as its schema says.

mod bus;
mod credentials;
mod schemas;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::activity::{Fact, History, Resource, ResourceChange, Route};
use crate::store::ContactRecord;
use crate::stream::{Change, ContactChange};
use crate::tenant::TenantScope;

const MESSAGE: &str = "SM00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000001";
const RECORDING: &str = "RE00000000000000000000000000000001";

fn scope(id: &str) -> TenantScope {
    TenantScope::new(id.parse().unwrap())
}

fn fact(second: i64, route: Route, parameters: &[(&str, &str)]) -> Fact {
    let about = [("MessageSid", MESSAGE), ("CallSid", CALL)];
    let parameters = about.iter().chain(parameters).copied().collect();
    Fact::new(route, &parameters, Timestamp::from_second(second).unwrap()).unwrap()
}

fn sms(second: i64) -> Fact {
    let parameters = [
        ("From", "+15005550010"),
        ("To", "+15005550006"),
        ("Body", "Hello"),
    ];
    fact(second, Route::Sms, &parameters)
}

fn status(second: i64, status: &str, more: &[(&str, &str)]) -> Fact {
    let ends = [("From", "+15005550006"), ("To", "+15005550010")];
    let parameters = [&ends[..], &[("MessageStatus", status)], more].concat();
    fact(second, Route::SmsStatus, &parameters)
}

fn leg(second: i64, route: Route, status: &str, more: &[(&str, &str)]) -> Fact {
    let call = [
        ("From", "+15005550010"),
        ("To", "+15005550006"),
        ("CallStatus", status),
    ];
    fact(second, route, &[&call[..], more].concat())
}

fn recording(second: i64, status: &str) -> Fact {
    let parameters = [
        ("RecordingSid", RECORDING),
        ("RecordingStatus", status),
        ("RecordingDuration", "7"),
        ("RecordingUrl", "https://api.twilio.com/recordings/RE1"),
    ];
    fact(second, Route::VoiceRecording, &parameters)
}

/// The events of a tenant's item that had the first facts, and then all of them.
fn told_to(tenant: &str, before: &[Fact], added: &[Fact]) -> Vec<Event> {
    let after = [before, added].concat();
    let change = Change::Resource(ResourceChange {
        resource: after[0].resource.clone(),
        before: History::new(before.to_vec()),
        after: History::new(after),
    });
    let events = of(&scope(tenant), &change).unwrap();
    for event in &events {
        schemas::assert_conforms(event);
    }
    events
}

fn told(before: &[Fact], added: &[Fact]) -> Vec<Event> {
    told_to("acme", before, added)
}

fn types(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect()
}

fn data(event: &Event) -> Value {
    serde_json::from_str(event.data.get()).unwrap()
}

/// The types that each of some facts gives, one after the other.
fn history(facts: &[Fact]) -> Vec<Vec<String>> {
    let step = |index| {
        let events = told(&facts[..index], &facts[index..=index]);
        types(&events).into_iter().map(str::to_owned).collect()
    };
    (0..facts.len()).map(step).collect()
}

#[test]
fn a_message_that_came_is_told_once() {
    let events = told(&[], &[sms(5)]);
    assert_eq!(types(&events), ["message.received"]);
    let event = &events[0];
    assert_eq!(event.tenant_id.as_str(), "acme");
    assert_eq!(event.time, Timestamp::from_second(5).unwrap());
    assert_eq!(data(event)["body"], "Hello");
    assert_eq!(data(event)["contact"], "+15005550010");
    let again = fact(
        6,
        Route::Sms,
        &[("From", "+15005550010"), ("ErrorCode", "11200")],
    );
    assert_eq!(types(&told(&[sms(5)], &[again])), [""; 0]);
}

#[test]
fn a_message_that_went_is_told_with_each_new_status_and_late_ones_are_silent() {
    let facts = [
        status(1, "sent", &[]),
        status(2, "queued", &[]),
        status(3, "delivered", &[]),
        status(4, "sending", &[]),
        status(5, "read", &[]),
    ];
    let told = ["message.status".to_owned()];
    assert_eq!(history(&facts), [&told[..], &[], &told[..], &[], &told[..]]);
}

#[test]
fn the_reason_of_a_failure_that_comes_later_is_told_too() {
    let failed = status(1, "failed", &[]);
    let reason = status(2, "failed", &[("ErrorCode", "30003")]);
    let events = told(std::slice::from_ref(&failed), &[reason]);
    assert_eq!(types(&events), ["message.status"]);
    assert_eq!(data(&events[0])["error_code"], 30003);
    assert_ne!(events[0].id, told(&[], &[failed])[0].id);
}

#[test]
fn a_call_is_told_when_it_begins_and_when_it_is_over() {
    let facts = [
        leg(1, Route::Voice, "ringing", &[]),
        leg(2, Route::VoiceStatus, "in-progress", &[]),
        leg(
            3,
            Route::VoiceDial,
            "completed",
            &[("DialCallStatus", "completed")],
        ),
        leg(
            4,
            Route::VoiceStatus,
            "completed",
            &[("CallDuration", "42")],
        ),
    ];
    let (started, ended) = (["call.started".to_owned()], ["call.ended".to_owned()]);
    assert_eq!(history(&facts), [&started[..], &[], &ended[..], &[]]);
    let at_once = told(&[], &facts[3..]);
    assert_eq!(types(&at_once), ["call.started", "call.ended"]);
    assert_eq!(data(&at_once[1])["duration"], 42);
}

#[test]
fn every_end_of_a_call_is_one_and_what_is_none_is_not() {
    for (status, is_end) in [
        ("busy", true),
        ("no-answer", true),
        ("canceled", true),
        ("failed", true),
        ("completed", true),
        ("answered", false),
        ("in-progress", false),
        ("teleported", false),
    ] {
        let begun = leg(1, Route::Voice, "queued", &[]);
        let events = told(&[begun], &[leg(2, Route::VoiceStatus, status, &[])]);
        assert_eq!(events.len(), usize::from(is_end), "{status}");
    }
}

#[test]
fn of_a_leg_that_another_one_dialled_nothing_is_told() {
    let child = [
        ("ParentCallSid", "CA00000000000000000000000000000002"),
        ("Direction", "outbound-dial"),
    ];
    for status in ["initiated", "completed"] {
        let leg = leg(1, Route::VoiceStatus, status, &child);
        assert_eq!(told(&[], &[leg]), []);
    }
}

#[test]
fn a_recording_is_told_when_it_can_be_played_and_its_text_is_not_told_again() {
    let transcription = fact(
        3,
        Route::VoiceTranscription,
        &[("RecordingSid", RECORDING), ("TranscriptionText", "Hello")],
    );
    let facts = [
        recording(1, "in-progress"),
        recording(2, "completed"),
        transcription.clone(),
    ];
    let ready = ["recording.ready".to_owned()];
    assert_eq!(history(&facts), [&[][..], &ready[..], &[]]);
    let late = told(&[transcription], &facts[1..2]);
    assert_eq!(data(&late[0])["transcription"], "Hello");
    let url = data(&late[0])["url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("/api/recordings/{RECORDING}/media"));
}

#[test]
fn a_recording_that_failed_is_never_ready() {
    assert_eq!(
        told(&[recording(1, "in-progress")], &[recording(2, "failed")]),
        []
    );
}

fn contact(since: Option<i64>, opt_outs: &[(&str, bool, i64)]) -> ContactRecord {
    use crate::store::OptOutState;
    let opt_outs = opt_outs.iter().map(|(sender, stopped, at)| {
        let state = OptOutState {
            stopped: *stopped,
            at: Timestamp::from_second(*at).unwrap(),
            sid: format!("SM{at:032x}").parse().unwrap(),
        };
        ((*sender).to_owned(), state)
    });
    let mut record = ContactRecord::default();
    record.address = "whatsapp:+15005550010".to_owned();
    record.since = since.map(|second| Timestamp::from_second(second).unwrap());
    record.profile_name = Some("Bob".to_owned());
    record.opt_outs = opt_outs.collect();
    record
}

fn told_of_contact(before: Option<ContactRecord>, after: ContactRecord) -> Vec<Event> {
    let change = Change::Contact(Box::new(ContactChange { before, after }));
    let events = of(&scope("acme"), &change).unwrap();
    for event in &events {
        schemas::assert_conforms(event);
    }
    events
}

#[test]
fn a_contact_is_told_when_it_is_first_heard_from_and_not_when_it_is_written_to() {
    assert_eq!(told_of_contact(None, contact(None, &[])), []);
    let first = told_of_contact(Some(contact(None, &[])), contact(Some(7), &[]));
    assert_eq!(types(&first), ["contact.created"]);
    assert_eq!(
        data(&first[0]),
        json!({
            "address": "whatsapp:+15005550010",
            "channel": "whatsapp",
            "profile_name": "Bob",
            "first_seen_at": "1970-01-01T00:00:07.000Z",
            "opted_out": false,
            "opted_out_of": [],
        })
    );
    assert_eq!(told_of_contact(None, contact(Some(7), &[])), first);
    assert_eq!(
        told_of_contact(Some(contact(Some(7), &[])), contact(Some(3), &[])),
        []
    );
}

#[test]
fn an_opt_out_is_told_for_each_sender_when_it_changes() {
    let sender = "+15005550006";
    let said = |stopped, at| contact(None, &[(sender, stopped, at)]);
    // Whoever never opted out is not out.
    assert_eq!(told_of_contact(None, said(false, 1)), []);
    let stop = told_of_contact(Some(said(false, 1)), said(true, 2));
    assert_eq!(types(&stop), ["opt_out.changed"]);
    assert_eq!(
        data(&stop[0]),
        json!({
            "contact": "whatsapp:+15005550010",
            "channel": "whatsapp",
            "sender": sender,
            "opted_out": true,
            "message_sid": format!("SM{:032x}", 2),
            "changed_at": "1970-01-01T00:00:02.000Z",
        })
    );
    assert_eq!(told_of_contact(Some(said(true, 2)), said(true, 3)), []);
    let start = told_of_contact(Some(said(true, 2)), said(false, 4));
    assert_eq!(data(&start[0])["opted_out"], false);
    let both = contact(None, &[(sender, true, 2), ("MG1", true, 5)]);
    let other = told_of_contact(Some(said(true, 2)), both);
    assert_eq!(data(&other[0])["sender"], "MG1");
}

#[test]
fn what_changes_nothing_gives_nothing() {
    assert_eq!(of(&scope("acme"), &Change::Nothing).unwrap(), []);
}

#[test]
fn an_event_derived_again_has_the_same_id_and_no_other_has_it() {
    let id = |tenant, fact: Fact| told_to(tenant, &[], &[fact])[0].id.clone();
    let ids = [
        id("acme", sms(1)),
        id("globex", sms(1)),
        id("acme", status(1, "sent", &[])),
        id("acme", status(1, "failed", &[("ErrorCode", "30003")])),
        id("acme", leg(1, Route::Voice, "ringing", &[])),
        id("acme", recording(1, "completed")),
    ];
    let different: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(different.len(), ids.len());
    // Received at another time, it is the same message.
    assert_eq!(id("acme", sms(2)), ids[0]);
}

#[test]
fn an_event_with_more_bytes_than_the_bus_takes_is_never_published() {
    let wide = "\u{1}".repeat(16 * 1024);
    let bodies: Vec<Fact> = ["Body", "ProfileName", "ButtonText", "ReferralBody", "From"]
        .into_iter()
        .zip(1..)
        .map(|(name, second)| fact(second, Route::Whatsapp, &[(name, &wide)]))
        .collect();
    let change = Change::Resource(ResourceChange {
        resource: Resource::Message(MESSAGE.parse().unwrap()),
        before: History::default(),
        after: History::new(bodies),
    });
    let refused = of(&scope("acme"), &change).unwrap_err();
    assert!(matches!(refused, Unpublishable::TooLarge));
}

#[test]
fn an_event_shows_nothing_of_what_people_wrote() {
    let event = &told(&[], &[sms(1)])[0];
    assert!(!format!("{event:?}").contains("Hello"));
}

#[test]
fn an_event_comes_back_from_the_queue_as_it_was() {
    let text = "Hello \u{FFFE} \u{FFFF} \0 ü";
    let fact = fact(1, Route::Sms, &[("From", "+1"), ("Body", text)]);
    let event = &told(&[], &[fact])[0];
    let body = event.to_message().unwrap();
    let is_taken = |character| !matches!(character, '\u{FFFE}' | '\u{FFFF}' | '\0');
    assert!(body.chars().all(is_taken));
    let back = UndeliveredEvent::from_message(&body).unwrap().event;
    assert_eq!(data(&back)["body"], text);
    assert_eq!((&back.id, back.time), (&event.id, event.time));
    assert_eq!(
        UndeliveredEvent::from_message("{}").unwrap_err(),
        UnreadableEvent
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn in_whatever_order_callbacks_come_the_last_event_tells_the_final_state(
        order in Just(vec![0_usize, 1, 2, 3, 4]).prop_shuffle(),
        repeated in 0_usize..5,
    ) {
        let all = [
            status(1, "queued", &[]),
            status(2, "sent", &[]),
            status(3, "undelivered", &[("ErrorCode", "30005")]),
            status(4, "delivered", &[]),
            status(5, "sending", &[]),
        ];
        let mut facts: Vec<Fact> = order.iter().map(|index| all[*index].clone()).collect();
        facts.push(all[repeated].clone());
        let mut events = Vec::new();
        for index in 0..facts.len() {
            events.extend(told(&facts[..index], &facts[index..=index]));
        }
        let ids: std::collections::BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        prop_assert_eq!(ids.len(), events.len());
        let last = events.last().unwrap();
        prop_assert_eq!(&data(last)["status"], "delivered");
        prop_assert_eq!(&data(last)["error_code"], &Value::Null);
    }
}
