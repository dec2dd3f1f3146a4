//! SMS and MMS that come in: what is kept of them, what they are answered.

use local::twilio::payload::{Media, OptOut};
use serde_json::json;
use shared::activity::{Channel, Direction, History, Resource, media_url};
use shared::sid::MessagingServiceSid;

use crate::conversations::{CONTACT, EMPTY_RESPONSE, answer};
use crate::harness::Harness;

#[tokio::test]
async fn an_inbound_sms_is_kept_and_answered_with_the_tenants_auto_reply() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank <you>"})).await;
    let message = tenant.sms("Hello");

    let exchange = tenant.receive_sms(&message).await;

    let (status, content_type, text) = answer(&exchange);
    assert_eq!(
        (status, content_type),
        (200, Some("text/xml; charset=utf-8"))
    );
    assert!(text.contains(">Thank &lt;you&gt;</Message>"), "{text}");
    let stored = tenant.message(&message.sid).await;
    assert_eq!(
        (stored.channel, stored.direction, stored.status.as_str()),
        (Channel::Sms, Direction::Inbound, "received")
    );
    assert_eq!(
        (stored.from, stored.to, stored.contact),
        (
            CONTACT.to_owned(),
            tenant.target.phone_number.clone(),
            CONTACT.to_owned()
        )
    );
    assert_eq!(stored.body.as_deref(), Some("Hello"));
}

#[tokio::test]
async fn without_an_auto_reply_an_sms_is_answered_with_an_empty_response() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let exchange = tenant.receive_sms(&tenant.sms("Hello")).await;

    let expected = (
        200,
        Some("text/xml; charset=utf-8"),
        EMPTY_RESPONSE.to_owned(),
    );
    assert_eq!(answer(&exchange), expected);
}

#[tokio::test]
async fn an_mms_is_kept_with_where_its_media_are() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let mut message = tenant.sms("Two pictures");
    let sids = tenant.sender.sids();
    message.sid = sids.message(true);
    message.media = vec![
        Media::of(&message.account, &message.sid, "image/jpeg", sids),
        Media::of(&message.account, &message.sid, "video/mp4", sids),
    ];

    tenant.receive_sms(&message).await;

    let stored = tenant.message(&message.sid).await;
    assert_eq!(stored.body.as_deref(), Some("Two pictures"));
    let path = |index| format!("/api/messages/{}/media/{index}", message.sid);
    let expected = json!([
        {"content_type": "image/jpeg", "url": path(0)},
        {"content_type": "video/mp4", "url": path(1)},
    ]);
    assert_eq!(json!(stored.media), expected);
    let facts = tenant.facts(Resource::Message(message.sid.clone())).await;
    let kept = media_url(&History::new(facts), 1).map(str::to_owned);
    assert_eq!(kept.as_deref(), Some(message.media[1].url.as_str()));
}

#[tokio::test]
async fn an_mms_without_text_is_kept_without_a_body() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let mut message = tenant.sms("");
    message.media = vec![Media::of(
        &message.account,
        &message.sid,
        "image/png",
        tenant.sender.sids(),
    )];

    tenant.receive_sms(&message).await;

    let stored = tenant.message(&message.sid).await;
    assert_eq!((stored.body, stored.media.len()), (None, 1));
}

#[tokio::test]
async fn an_sms_to_a_messaging_service_is_kept_with_the_service_and_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let service: MessagingServiceSid = tenant.sender.sids().sid("MG").parse().unwrap();
    let mut message = tenant.sms("Hello");
    message.messaging_service = Some(service.clone());

    let exchange = tenant.receive_sms(&message).await;

    assert!(answer(&exchange).2.contains(">Thank you</Message>"));
    let facts = tenant.facts(Resource::Message(message.sid)).await;
    assert_eq!(
        facts[0].parameter("MessagingServiceSid"),
        Some(service.as_str())
    );
}

#[tokio::test]
async fn what_advanced_opt_out_recognises_is_kept_and_not_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    for opt_out in [OptOut::Stop, OptOut::Start, OptOut::Help] {
        let mut message = tenant.sms("a word that the tenant chose");
        message.opt_out = Some(opt_out);

        let exchange = tenant.receive_sms(&message).await;

        assert_eq!(answer(&exchange).2, EMPTY_RESPONSE, "{opt_out:?}");
        let facts = tenant.facts(Resource::Message(message.sid)).await;
        assert_eq!(facts[0].parameter("OptOutType"), Some(opt_out.as_str()));
    }
}

#[tokio::test]
async fn a_keyword_on_its_own_is_kept_and_not_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let keywords = [
        "STOP",
        "stop",
        " Stop \n",
        "UNSUBSCRIBE",
        "END",
        "QUIT",
        "STOPALL",
        "REVOKE",
        "OPTOUT",
        "CANCEL",
        "START",
        "YES",
        "UNSTOP",
        "HELP",
        "INFO",
    ];
    for keyword in keywords {
        let message = tenant.sms(keyword);

        let exchange = tenant.receive_sms(&message).await;

        assert_eq!(answer(&exchange).2, EMPTY_RESPONSE, "{keyword:?}");
        let stored = tenant.message(&message.sid).await;
        assert_eq!(stored.body.as_deref(), Some(keyword));
    }
}

#[tokio::test]
async fn a_sentence_with_a_keyword_in_it_is_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;

    let exchange = tenant
        .receive_sms(&tenant.sms("Please stop by at noon"))
        .await;

    assert!(answer(&exchange).2.contains(">Thank you</Message>"));
}

#[tokio::test]
async fn a_text_is_kept_as_it_was_written() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let longest = "ä".repeat(1_600);
    let texts = [
        "a+b = c & d; 100% <b>\"'",
        "Привет 你好 שלום 👩‍👩‍👧",
        "first line\r\nsecond\tline",
        "  spaces around  ",
        "\u{1}\u{fffd}",
        &longest,
    ];
    for text in texts {
        let message = tenant.sms(text);

        tenant.receive_sms(&message).await;

        let stored = tenant.message(&message.sid).await;
        assert_eq!(stored.body.as_deref(), Some(text));
    }
}

#[tokio::test]
async fn an_auto_reply_is_kept_as_a_message_that_went() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank you"})).await;
    let exchange = tenant.receive_sms(&tenant.sms("Hello")).await;

    let reply = tenant.deliver_reply(&exchange).await;

    let stored = tenant.message(&reply).await;
    assert_eq!(
        (stored.channel, stored.direction, stored.status.as_str()),
        (Channel::Sms, Direction::Outbound, "delivered")
    );
    assert_eq!(
        (stored.from.as_str(), stored.contact.as_str()),
        (tenant.target.phone_number.as_str(), CONTACT)
    );
}

#[tokio::test]
async fn a_message_of_a_writer_whose_name_is_longer_than_a_key_is_kept() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let mut message = tenant.sms("Hello");
    message.from = format!("sip:{}@example.com", "x".repeat(3_000));

    tenant.receive_sms(&message).await;

    assert_eq!(tenant.message(&message.sid).await.contact, message.from);
}

#[tokio::test]
async fn of_a_message_that_is_too_long_for_an_item_the_start_is_kept() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let message = tenant.sms(&"ä".repeat(15_000));

    tenant.receive_sms(&message).await;

    let facts = tenant.facts(Resource::Message(message.sid.clone())).await;
    assert_eq!(facts[0].truncated.iter().collect::<Vec<_>>(), ["Body"]);
    let kept = tenant.message(&message.sid).await.body.unwrap();
    assert!(message.body.starts_with(&kept) && kept.len() > 15_000);
}
