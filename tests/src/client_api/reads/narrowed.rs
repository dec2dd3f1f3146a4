//! Lists with filters.

use serde_json::{Value, json};
use shared::activity::Resource;

use super::{Reader, at, fact, message, sids, sms};

fn sid(number: usize) -> String {
    message(number).sid().to_owned()
}

/// Messages of all kinds: 0 and 3 inbound SMS, 1 inbound WhatsApp, 2 an outbound SMS that was delivered; a second apart.
async fn mixed(reader: &Reader) {
    reader.keep(&sms(0, at(0), "+15005550010")).await;
    let whatsapp = json!({"From": "whatsapp:+15005550010", "To": "whatsapp:+15005550006"});
    reader
        .keep(&fact(&message(1), "/whatsapp", at(1), &whatsapp))
        .await;
    let sent = json!({"From": "+15005550006", "To": "+15005550011", "MessageStatus": "delivered"});
    reader
        .keep(&fact(&message(2), "/sms/status", at(2), &sent))
        .await;
    reader.keep(&sms(3, at(3), "+15005550011")).await;
}

#[tokio::test]
async fn messages_are_narrowed_down_by_every_filter_and_by_several() {
    let reader = Reader::new().await;
    mixed(&reader).await;
    for (query, expected) in [
        ("", vec![3, 2, 1, 0]),
        ("contact=%2B15005550011", vec![3, 2]),
        ("contact=whatsapp:%2B15005550010", vec![1]),
        ("contact=%2B15005550012", vec![]),
        ("channel=sms", vec![3, 2, 0]),
        ("channel=whatsapp", vec![1]),
        ("direction=inbound", vec![3, 1, 0]),
        ("direction=outbound", vec![2]),
        ("status=received", vec![3, 1, 0]),
        ("status=delivered", vec![2]),
        ("status=failed", vec![]),
        ("contact=%2B15005550011&direction=inbound", vec![3]),
        (
            "channel=sms&direction=inbound&after=2026-10-01T08:00:00Z",
            vec![3],
        ),
        ("contact=%2B15005550011&channel=whatsapp", vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().map(sid).collect();
        let path = format!("/api/messages?{query}");
        assert_eq!(reader.sids(&path).await, expected, "{query}");
    }
    let path = "/api/conversations/%2B15005550011/messages";
    let inbound = reader.sids(&format!("{path}?direction=inbound")).await;
    assert_eq!(inbound, [sid(3)]);
    let before = format!("{path}?before=2026-10-01T08:00:03Z&status=delivered");
    assert_eq!(reader.sids(&before).await, [sid(2)]);
}

#[tokio::test]
async fn a_span_of_time_leaves_out_both_its_ends() {
    let reader = Reader::new().await;
    mixed(&reader).await;
    for (query, expected) in [
        ("after=2026-10-01T08:00:01Z", vec![3, 2]),
        ("before=2026-10-01T08:00:02Z", vec![1, 0]),
        (
            "after=2026-10-01T08:00:00Z&before=2026-10-01T08:00:03Z",
            vec![2, 1],
        ),
        (
            "after=2026-10-01T08:00:00.9999Z&before=2026-10-01T08:00:01.0001Z",
            vec![1],
        ),
        ("after=2026-10-01T10:00:01%2B02:00", vec![3, 2]),
        ("after=2026-10-01T08:00:03Z", vec![]),
        ("before=2026-10-01T08:00:00Z", vec![]),
        (
            "after=2026-10-01T08:00:02Z&before=2026-10-01T08:00:02Z",
            vec![],
        ),
        (
            "after=2026-10-02T08:00:00Z&before=2026-10-01T08:00:00Z",
            vec![],
        ),
        (
            "after=0000-01-01T00:00:00Z&before=9999-12-30T00:00:00Z",
            vec![3, 2, 1, 0],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(sid).collect();
        let path = format!("/api/messages?{query}");
        assert_eq!(reader.sids(&path).await, expected, "{query}");
        let pages = reader.pages(&format!("{path}&limit=1")).await;
        assert_eq!(sids(&pages.concat()), expected, "{query}, one by one");
    }
}

#[tokio::test]
async fn calls_and_recordings_are_narrowed_down_by_every_filter() {
    let reader = Reader::new().await;
    let call = |number: usize| Resource::Call(format!("CA{number:032x}").parse().unwrap());
    let recording =
        |number: usize| Resource::Recording(format!("RE{number:032x}").parse().unwrap());
    let inbound = json!({"From": "+15005550010", "To": "+15005550006", "CallStatus": "completed"});
    let outbound = json!({"From": "client:ada", "To": "+15005550011", "CallStatus": "ringing"});
    let of = |call: Resource| json!({"CallSid": call.sid(), "RecordingStatus": "completed"});
    for fact in [
        fact(&call(0), "/voice", at(0), &inbound),
        fact(&call(1), "/voice", at(1), &outbound),
        fact(&recording(0), "/voice/recording", at(2), &of(call(0))),
        fact(&recording(1), "/voice/voicemail", at(3), &of(call(0))),
        fact(&recording(2), "/voice/recording", at(4), &of(call(1))),
    ] {
        reader.keep(&fact).await;
    }
    for (query, expected) in [
        ("calls?", vec![1, 0]),
        ("calls?direction=inbound", vec![0]),
        ("calls?status=ringing", vec![1]),
        ("calls?from=client:ada", vec![1]),
        ("calls?to=%2B15005550006", vec![0]),
        ("calls?from=client:ada&to=%2B15005550006", vec![]),
        ("calls?after=2026-10-01T08:00:00Z", vec![1]),
        ("recordings?", vec![2, 1, 0]),
        ("recordings?kind=voicemail", vec![1]),
        ("recordings?kind=call", vec![2, 0]),
        ("recordings?before=2026-10-01T08:00:04Z&kind=call", vec![0]),
    ] {
        let of_kind = if query.starts_with("calls") {
            call
        } else {
            |_| unreachable!()
        };
        let expected: Vec<_> = expected
            .into_iter()
            .map(|number| match query.starts_with("calls") {
                true => of_kind(number).sid().to_owned(),
                false => recording(number).sid().to_owned(),
            })
            .collect();
        assert_eq!(
            reader.sids(&format!("/api/{query}")).await,
            expected,
            "{query}"
        );
    }
    let of_first = format!("/api/recordings?call_sid={}", call(0).sid());
    let both = [recording(1), recording(0)].map(|recording| recording.sid().to_owned());
    assert_eq!(reader.sids(&of_first).await, both);
    let voicemails = format!("{of_first}&kind=voicemail");
    assert_eq!(reader.sids(&voicemails).await, both[..1]);
    let earlier = format!("{of_first}&before=2026-10-01T08:00:03Z");
    assert_eq!(reader.sids(&earlier).await, both[1..]);
    let none = format!("/api/recordings?call_sid={}", call(9).sid());
    assert_eq!(reader.items(&none).await, [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_rare_is_found_by_pages_that_may_be_empty() {
    let reader = Reader::new().await;
    let sent = json!({"From": "+15005550006", "To": "+15005550011", "MessageStatus": "sent"});
    for number in 0..230 {
        let second = i64::try_from(number).unwrap();
        // Two that went, the very first and one in between.
        let fact = match number {
            0 | 180 => fact(&message(number), "/sms/status", at(second), &sent),
            _ => sms(number, at(second), "+15005550010"),
        };
        reader.keep(&fact).await;
    }

    let pages = reader
        .pages("/api/messages?direction=outbound&limit=1")
        .await;

    let found: Vec<_> = pages.iter().map(|page| sids(page)).collect();
    assert_eq!(found.concat(), [sid(180), sid(0)]);
    // 100 are looked at for each: 229 to 130, 129 to 30, 29 to 0.
    assert_eq!(found, [vec![sid(180)], vec![], vec![sid(0)]]);
    let inbound = reader
        .pages("/api/messages?direction=inbound&limit=50")
        .await;
    let inbound = inbound.concat();
    assert_eq!(inbound.len(), 228);
    assert_eq!(sids(&inbound)[0], sid(229));
}
