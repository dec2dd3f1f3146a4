//! Each route tells what webhooks brought.

use local::twilio::payload::{Channel, WhatsappContent};
use serde_json::{Value, json};
use shared::activity::Resource;

use super::Reader;
use crate::conversations::{CONTACT, dialled, recorded};

fn forwarding() -> Value {
    json!({"inbound_route": "forward", "forward_to": "+15005550110"})
}

#[tokio::test]
async fn a_message_is_listed_newest_first_and_read_by_its_sid() {
    let reader = Reader::new().await;
    let first = reader.tenant.sms("Is anybody there?");
    reader.tenant.receive_sms(&first).await;
    let second = reader
        .tenant
        .whatsapp(WhatsappContent::Text("Hello?".to_owned()));
    reader.tenant.receive_whatsapp(&second).await;
    let sent = reader.tenant.sender.sids().message(false);
    let status = reader.tenant.status(Channel::Sms, &sent, "delivered");
    reader.tenant.receive_status(&status).await;

    let listed = reader.items("/api/messages").await;

    let told: Vec<_> = listed
        .iter()
        .map(|message| [&message["sid"], &message["channel"], &message["direction"]])
        .collect();
    let (outbound, inbound) = (json!("outbound"), json!("inbound"));
    let (sms, whatsapp) = (json!("sms"), json!("whatsapp"));
    assert_eq!(
        told,
        [
            [&json!(sent), &sms, &outbound],
            [&json!(second.sid), &whatsapp, &inbound],
            [&json!(first.sid), &sms, &inbound],
        ]
    );
    assert_eq!(listed[2]["body"], "Is anybody there?");
    assert_eq!(listed[0]["status"], "delivered");
    for message in &listed {
        let path = format!("/api/messages/{}", message["sid"].as_str().unwrap());
        assert_eq!(reader.get(&path).await, *message);
    }
}

#[tokio::test]
async fn a_conversation_tells_its_last_message_and_lists_the_others() {
    let reader = Reader::new().await;
    let tenant = &reader.tenant;
    let (first, second) = (tenant.sms("One"), tenant.sms("Two"));
    let other = tenant.whatsapp(WhatsappContent::Text("Three".to_owned()));
    tenant.receive_sms(&first).await;
    tenant.receive_whatsapp(&other).await;
    tenant.receive_sms(&second).await;
    let all = [&first.sid, &other.sid, &second.sid];
    let all = all.map(|sid| Resource::Message(sid.clone()));
    reader.learn(all).await;

    let conversations = reader.items("/api/conversations").await;

    let of_whatsapp = format!("whatsapp:{CONTACT}");
    let told: Vec<_> = conversations
        .iter()
        .map(|it| [&it["contact"], &it["channel"], &it["message_count"]])
        .collect();
    assert_eq!(
        told,
        [
            [&json!(CONTACT), &json!("sms"), &json!(2)],
            [&json!(of_whatsapp), &json!("whatsapp"), &json!(1)],
        ]
    );
    let last = &conversations[0]["last_message"];
    assert_eq!(
        (&last["sid"], &last["body"]),
        (&json!(second.sid), &json!("Two"))
    );
    let expected = [second.sid.to_string(), first.sid.to_string()];
    // A path is escaped, or as much of it as has to be.
    for contact in ["%2B15005550010", "%2b15005550010", CONTACT] {
        let path = format!("/api/conversations/{contact}/messages");
        assert_eq!(reader.sids(&path).await, expected, "{path}");
    }
    for contact in [of_whatsapp.as_str(), "whatsapp%3A%2B15005550010"] {
        let path = format!("/api/conversations/{contact}/messages");
        assert_eq!(reader.sids(&path).await, [other.sid.to_string()], "{path}");
    }
    let nobody = reader.items("/api/conversations/nobody/messages").await;
    assert_eq!(nobody, [] as [Value; 0]);
}

#[tokio::test]
async fn a_contact_tells_who_wrote_and_what_they_opted_out_of() {
    let reader = Reader::new().await;
    let tenant = &reader.tenant;
    let (first, stop) = (tenant.sms("Hello"), tenant.sms("STOP"));
    let named = tenant.whatsapp(WhatsappContent::Text("Hello".to_owned()));
    tenant.receive_sms(&first).await;
    tenant.receive_sms(&stop).await;
    tenant.receive_whatsapp(&named).await;
    let all = [&first.sid, &stop.sid, &named.sid];
    let all = all.map(|sid| Resource::Message(sid.clone()));
    reader.learn(all).await;

    let contacts = reader.items("/api/contacts").await;

    let addresses: Vec<_> = contacts.iter().map(|contact| &contact["address"]).collect();
    let of_whatsapp = json!(format!("whatsapp:{CONTACT}"));
    assert_eq!(addresses, [&of_whatsapp, &json!(CONTACT)]);
    assert_eq!(contacts[0]["channel"], "whatsapp");
    assert_eq!(contacts[0]["opted_out"], false);
    assert_eq!(contacts[1]["opted_out"], true);
    let ours = json!([tenant.target.phone_number]);
    assert_eq!(contacts[1]["opted_out_of"], ours);
    let first_at = &reader.get(&format!("/api/messages/{}", first.sid)).await["created_at"];
    assert_eq!(contacts[1]["first_seen_at"], *first_at);
    for (query, expected) in [
        ("opted_out=true", &json!(CONTACT)),
        ("opted_out=false", &of_whatsapp),
        ("channel=sms", &json!(CONTACT)),
        ("channel=whatsapp&opted_out=false", &of_whatsapp),
    ] {
        for (list, address) in [("contacts", "address"), ("conversations", "contact")] {
            let listed = reader.items(&format!("/api/{list}?{query}")).await;
            let listed: Vec<_> = listed.iter().map(|item| &item[address]).collect();
            assert_eq!(listed, [expected], "{list} {query}");
        }
    }
}

#[tokio::test]
async fn a_call_is_listed_without_the_legs_that_it_dialled_and_read_with_them() {
    let reader = Reader::with(forwarding()).await;
    let story = reader.tenant.make(&reader.tenant.phone_call()).await;
    let (leg, _) = dialled(&story).remove(0);

    let listed = reader.items("/api/calls").await;

    let [call] = &listed[..] else {
        panic!("one call: {listed:?}")
    };
    assert_eq!(call["sid"], story.call.as_str());
    assert_eq!(call["status"], "completed");
    assert_eq!(call["legs"], Value::Null);
    let read = reader.get(&format!("/api/calls/{}", story.call)).await;
    let legs = read["legs"].as_array().unwrap();
    assert_eq!(legs.len(), 1);
    assert_eq!(legs[0]["sid"], leg.as_str());
    assert_eq!(legs[0]["parent_sid"], story.call.as_str());
    assert_eq!(legs[0]["to"], "+15005550110");
    let read = reader.get(&format!("/api/calls/{leg}")).await;
    assert_eq!(read["legs"], json!([]));
    assert_eq!(read["parent_sid"], story.call.as_str());
}

#[tokio::test]
async fn a_voicemail_is_told_with_its_call_and_among_the_recordings() {
    let reader = Reader::with(json!({"inbound_route": "voicemail"})).await;
    let (silent, story) = (
        reader.tenant.make(&reader.tenant.phone_call()).await,
        reader.tenant.make(&reader.tenant.phone_call()).await,
    );
    let [recording] = &recorded(&story)[..] else {
        panic!("one recording: {story:?}")
    };
    let [other] = &recorded(&silent)[..] else {
        panic!("one recording: {silent:?}")
    };

    let listed = reader.items("/api/recordings").await;

    assert_eq!(super::sids(&listed), [recording.as_str(), other.as_str()]);
    assert_eq!(listed[0]["kind"], "voicemail");
    assert_eq!(listed[0]["call_sid"], story.call.as_str());
    let calls = reader.items("/api/calls").await;
    assert_eq!(calls[0]["recordings"], json!([listed[0]]));
    assert_eq!(calls[1]["recordings"], json!([listed[1]]));
    let call = reader.get(&format!("/api/calls/{}", story.call)).await;
    assert_eq!(call["recordings"], json!([listed[0]]));
    let read = reader.get(&format!("/api/recordings/{recording}")).await;
    assert_eq!(read, listed[0]);
    let of_call = format!("/api/recordings?call_sid={}", story.call);
    assert_eq!(reader.items(&of_call).await, [listed[0].clone()]);
}
