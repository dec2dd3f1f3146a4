//! No route shows one tenant anything of another.

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use shared::activity::Resource;

use super::{LISTS, Reader, at, fact, message, sms};

/// A tenant that has something in every list: the SIDs of a message, a call, a leg of it, and its recording.
async fn busy() -> (Reader, [String; 4]) {
    let reader = Reader::new().await;
    // Of this test alone: what another wrote must not be mistaken for it.
    let sid = |prefix: &str| reader.tenant.sender.sids().sid(prefix);
    let [text, call, leg, recording] = [sid("SM"), sid("CA"), sid("CA"), sid("RE")];
    let of_text = Resource::Message(text.parse().unwrap());
    let of_call = |sid: &str| Resource::Call(sid.parse().unwrap());
    let of_recording = Resource::Recording(recording.parse().unwrap());
    let from = json!({"From": "+15005550010", "To": "+15005550006", "CallStatus": "completed"});
    let dialled =
        json!({"ParentCallSid": call, "Direction": "outbound-dial", "CallStatus": "completed"});
    let of_its_call = json!({"CallSid": call, "RecordingStatus": "completed"});
    for fact in [
        fact(&of_text, "/sms", at(0), &from),
        fact(&of_call(&call), "/voice", at(1), &from),
        fact(&of_call(&leg), "/voice/status", at(2), &dialled),
        fact(&of_recording, "/voice/recording", at(3), &of_its_call),
    ] {
        reader.keep(&fact).await;
    }
    reader.learn([of_text, of_call(&call)]).await;
    (reader, [text, call, leg, recording])
}

fn paths(sids: &[String; 4]) -> [String; 4] {
    let [text, call, leg, recording] = sids;
    [
        format!("/api/messages/{text}"),
        format!("/api/calls/{call}"),
        format!("/api/calls/{leg}"),
        format!("/api/recordings/{recording}"),
    ]
}

#[tokio::test]
async fn whose_it_is_finds_something_on_every_route() {
    let (reader, sids) = busy().await;
    for list in LISTS {
        assert_eq!(reader.items(list).await.len(), 1, "{list}");
    }
    for path in paths(&sids) {
        reader.get(&path).await;
    }
}

#[tokio::test]
async fn another_tenant_finds_nothing_on_any_route() {
    let (_owner, sids) = busy().await;
    let other = Reader::new().await;
    let of_call = format!("/api/recordings?call_sid={}", sids[1]);
    let of_contact = "/api/messages?contact=%2B15005550010".to_owned();
    let narrowed = [of_call, of_contact];
    for list in LISTS.map(str::to_owned).iter().chain(&narrowed) {
        assert_eq!(other.items(list).await, [] as [Value; 0], "{list}");
    }
    for path in paths(&sids) {
        let answer = other.member.get(&path).await;
        let (status, code) = answer.refusal();
        assert_eq!(status, 404, "{path}");
        assert!(code.ends_with("_not_found"), "{path}: {code}");
    }
}

#[tokio::test]
async fn the_same_sid_and_contact_of_two_tenants_are_two() {
    let (one, other) = (Reader::new().await, Reader::new().await);
    for (reader, number) in [(&one, 7_000_001), (&other, 7_000_002)] {
        let mut own = sms(number, at(0), "+15005550010");
        own.resource = message(7_000_000);
        reader.keep(&own).await;
        reader.learn([message(7_000_000)]).await;
    }
    for (reader, body) in [(&one, "number 7000001"), (&other, "number 7000002")] {
        for list in &LISTS[..3] {
            let items = reader.items(list).await;
            assert_eq!(items.len(), 1, "{list}");
            let message = match &items[0]["last_message"] {
                Value::Null => &items[0],
                last => last,
            };
            assert_eq!(message["body"], body, "{list}");
        }
    }
}

#[tokio::test]
async fn an_operator_reads_of_the_tenant_that_it_selects_and_of_no_other() {
    let (owner, sids) = busy().await;
    let other = Reader::new().await;
    let operator = owner.harness.operator();
    for (reader, found) in [(&owner, 1), (&other, 0)] {
        let id = reader.tenant.id.as_str();
        let selecting = |request: RequestBuilder| request.header("X-Tenant-Id", id);
        for list in LISTS {
            let page = operator.send(reqwest::Method::GET, list, selecting).await;
            let page = page.document(200);
            assert_eq!(page["items"].as_array().unwrap().len(), found, "{list}");
        }
        for path in paths(&sids) {
            let answer = operator.send(reqwest::Method::GET, &path, selecting).await;
            let expected = if found == 1 { 200 } else { 404 };
            assert_eq!(answer.status, expected, "{path}");
        }
    }
}
