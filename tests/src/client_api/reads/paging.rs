//! Pages: everything once, in order, and cursors that are good for nothing else.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use shared::activity::Resource;

use super::{Reader, at, fact, message, sids, sms};

/// So many messages from one address, the last kept first in the list; several share each moment.
async fn written(reader: &Reader, count: usize) -> Vec<String> {
    let mut expected = Vec::new();
    for number in 0..count {
        let second = i64::try_from(number / 5).unwrap();
        reader.keep(&sms(number, at(second), "+15005550010")).await;
        expected.push(message(number).sid().to_owned());
    }
    expected.reverse();
    expected
}

/// The key of a message's item.
fn key(reader: &Reader, sid: &str) -> [(String, AttributeValue); 2] {
    let partition = format!("{}#message#{sid}", reader.tenant.id);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    [
        ("pk".to_owned(), text(&partition)),
        ("sk".to_owned(), text("message")),
    ]
}

#[tokio::test]
async fn what_shares_a_moment_is_neither_skipped_nor_repeated() {
    let reader = Reader::new().await;
    let expected = written(&reader, 23).await;
    for list in [
        "/api/messages",
        "/api/messages?contact=%2B15005550010",
        "/api/conversations/%2B15005550010/messages",
    ] {
        for limit in [1, 4, 22, 23] {
            let joint = if list.contains('?') { '&' } else { '?' };
            let pages = reader.pages(&format!("{list}{joint}limit={limit}")).await;
            let (last, full) = pages.split_last().unwrap();
            assert!(
                full.iter().all(|page| page.len() == limit),
                "{list} {limit}"
            );
            assert!((1..=limit).contains(&last.len()), "{list} {limit}");
            assert_eq!(sids(&pages.concat()), expected, "{list} {limit}");
        }
    }
}

#[tokio::test]
async fn conversations_and_contacts_of_one_moment_are_on_one_page_each() {
    let reader = Reader::new().await;
    let addresses: Vec<_> = (0..9)
        .map(|number| format!("+1500555010{number}"))
        .collect();
    for (number, address) in addresses.iter().enumerate() {
        reader.keep(&sms(number, at(0), address)).await;
        reader.learn([message(number)]).await;
    }
    for (list, address) in [("contacts", "address"), ("conversations", "contact")] {
        let listed = reader.pages(&format!("/api/{list}?limit=2")).await.concat();
        let mut listed: Vec<_> = listed
            .iter()
            .map(|item| item[address].as_str().unwrap())
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, addresses, "{list}");
    }
}

#[tokio::test]
async fn what_came_since_the_first_page_does_not_move_the_others() {
    let reader = Reader::new().await;
    let expected = written(&reader, 6).await;
    let first = reader.get("/api/messages?limit=3").await;
    reader.keep(&sms(100, at(60), "+15005550010")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = reader.sids(&format!("/api/messages?cursor={cursor}")).await;
    assert_eq!(second, expected[3..]);
}

#[tokio::test]
async fn a_page_goes_on_behind_an_item_that_is_gone() {
    let reader = Reader::new().await;
    let expected = written(&reader, 6).await;
    let first = reader.get("/api/messages?limit=3").await;
    let delete = reader.harness.dynamodb().delete_item();
    let delete = delete.table_name(reader.harness.variable("ACTIVITY_TABLE"));
    let delete = delete.set_key(Some(key(&reader, &expected[2]).into()));
    delete.send().await.unwrap();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = reader.sids(&format!("/api/messages?cursor={cursor}")).await;
    assert_eq!(second, expected[3..]);
}

#[tokio::test]
async fn what_somebody_deleted_is_found_nowhere_even_when_twilio_tells_of_it_again() {
    let reader = Reader::new().await;
    let call = Resource::Call(reader.tenant.sender.sids().call());
    let recording = Resource::Recording(reader.tenant.sender.sids().recording());
    let parameters = serde_json::json!({"CallSid": call.sid(), "RecordingStatus": "completed"});
    let from = serde_json::json!({"From": "+15005550010", "CallStatus": "completed"});
    reader.keep(&fact(&call, "/voice", at(0), &from)).await;
    let told = fact(&recording, "/voice/recording", at(1), &parameters);
    reader.keep(&told).await;
    let path = format!("/api/recordings/{}", recording.sid());
    reader.get(&path).await;

    let text = |text: String| AttributeValue::S(text);
    let partition = format!("{}#recording#{}", reader.tenant.id, recording.sid());
    let update = reader.harness.dynamodb().update_item();
    let update = update
        .table_name(reader.harness.variable("ACTIVITY_TABLE"))
        .key("pk", text(partition))
        .key("sk", text("recording".to_owned()))
        .update_expression("SET deleted_at = :now")
        .expression_attribute_values(":now", text(format!("{:.3}", at(2))));
    update.send().await.unwrap();
    reader.keep(&told).await;

    let refused = reader.member.get(&path).await;
    assert_eq!(refused.refusal(), (404, "recording_not_found"));
    let of_call = format!("/api/recordings?call_sid={}", call.sid());
    for list in ["/api/recordings", &of_call] {
        assert_eq!(reader.items(list).await, [] as [Value; 0], "{list}");
    }
    let calls = reader.items("/api/calls").await;
    assert_eq!(calls[0]["recordings"], serde_json::json!([]));
}

#[tokio::test]
async fn a_cursor_is_good_for_its_tenant_list_and_filters_alone() {
    let (reader, other) = (Reader::new().await, Reader::new().await);
    written(&reader, 4).await;
    written(&other, 4).await;
    let page = reader.get("/api/messages?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for list in [
        "/api/messages?direction=inbound&",
        "/api/messages?contact=%2B15005550010&",
        "/api/messages?after=2026-01-01T00:00:00Z&",
        "/api/conversations?",
        "/api/conversations/%2B15005550010/messages?",
        "/api/contacts?",
        "/api/calls?",
        "/api/recordings?",
    ] {
        let refused = reader.refused(&format!("{list}cursor={cursor}")).await;
        assert_eq!(refused.refusal(), (400, "invalid_cursor"), "{list}");
    }
    let path = format!("/api/messages?cursor={cursor}");
    let refused = other.refused(&path).await;
    assert_eq!(refused.refusal(), (400, "invalid_cursor"));
    // Another size of the page is no other list.
    reader.get(&format!("{path}&limit=2")).await;
}

#[tokio::test]
async fn a_conversations_cursor_is_good_for_no_other_conversation() {
    let reader = Reader::new().await;
    written(&reader, 4).await;
    let page = reader
        .get("/api/conversations/%2B15005550010/messages?limit=1")
        .await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let path = format!("/api/conversations/%2B15005550011/messages?cursor={cursor}");
    let refused = reader.refused(&path).await;
    assert_eq!(refused.refusal(), (400, "invalid_cursor"));
    // However the address is written.
    let path = format!("/api/conversations/+15005550010/messages?cursor={cursor}");
    reader.get(&path).await;
}

#[tokio::test]
async fn a_changed_cursor_is_refused() {
    let reader = Reader::new().await;
    written(&reader, 4).await;
    let page = reader.get("/api/messages?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for place in [0, 1, cursor.len() / 2, cursor.len() - 5] {
        let (head, tail) = cursor.split_at(place);
        let other = if tail.starts_with('A') { 'B' } else { 'A' };
        let changed = format!("{head}{other}{}", &tail[1..]);
        let refused = reader
            .refused(&format!("/api/messages?cursor={changed}"))
            .await;
        assert_eq!(refused.refusal(), (400, "invalid_cursor"), "{place}");
    }
    for made_up in ["", "x", &cursor[..cursor.len() - 4]] {
        let refused = reader
            .refused(&format!("/api/messages?cursor={made_up}"))
            .await;
        assert_eq!(refused.refusal(), (400, "invalid_cursor"), "{made_up}");
    }
}
