//! WhatsApp messages that come in, in all the forms that people send.

use local::twilio::payload::{Media, Referral, RepliedMessage, WhatsappContent, WhatsappUser};
use serde_json::json;
use shared::activity::{Channel, Direction, Fact, Resource};

use crate::conversations::{EMPTY_RESPONSE, answer};
use crate::harness::{Harness, Tenant};

/// Delivers a message with this content, and gives the fact that is kept of it.
async fn kept(tenant: &Tenant, content: WhatsappContent) -> Fact {
    let message = tenant.whatsapp(content);
    let exchange = tenant.receive_whatsapp(&message).await;
    assert_eq!(answer(&exchange).2, EMPTY_RESPONSE);
    let facts = tenant.facts(Resource::Message(message.sid)).await;
    <[Fact; 1]>::try_from(facts)
        .unwrap()
        .into_iter()
        .next()
        .unwrap()
}

fn text(text: &str) -> WhatsappContent {
    WhatsappContent::Text(text.to_owned())
}

#[tokio::test]
async fn a_text_is_kept_and_answered_with_the_tenants_auto_reply() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Gracias"})).await;
    let message = tenant.whatsapp(text("¡Hola!"));

    let exchange = tenant.receive_whatsapp(&message).await;

    let (status, content_type, document) = answer(&exchange);
    assert_eq!(
        (status, content_type),
        (200, Some("text/xml; charset=utf-8"))
    );
    assert!(document.contains(">Gracias</Message>"), "{document}");
    let stored = tenant.message(&message.sid).await;
    assert_eq!(
        (stored.channel, stored.direction, stored.status.as_str()),
        (Channel::WhatsApp, Direction::Inbound, "received")
    );
    assert_eq!(stored.contact, message.from.address());
    assert_eq!(
        stored.to,
        format!("whatsapp:{}", tenant.target.whatsapp_sender)
    );
    assert_eq!(stored.body.as_deref(), Some("¡Hola!"));
}

#[tokio::test]
async fn a_message_is_kept_with_the_writers_name_and_whatsapp_id() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let fact = kept(&tenant, text("Hola")).await;

    assert_eq!(fact.parameter("ProfileName"), Some("Ana María"));
    assert_eq!(fact.parameter("WaId"), Some("15005550010"));
}

#[tokio::test]
async fn a_file_is_kept_with_its_caption() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let account = &tenant.sender.account().sid;
    let sids = tenant.sender.sids();
    let media = Media::of(account, &sids.message(true), "application/pdf", sids);
    let message = tenant.whatsapp(WhatsappContent::Media {
        media: media.clone(),
        caption: "The offer".to_owned(),
    });

    tenant.receive_whatsapp(&message).await;

    let stored = tenant.message(&message.sid).await;
    assert_eq!(stored.body.as_deref(), Some("The offer"));
    let url = format!("/api/messages/{}/media/0", message.sid);
    let expected = json!([{"content_type": media.content_type, "url": url}]);
    assert_eq!(json!(stored.media), expected);
}

#[tokio::test]
async fn a_tap_on_a_button_is_kept_with_what_the_button_means() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let fact = kept(
        &tenant,
        WhatsappContent::Button {
            text: "Confirm".to_owned(),
            payload: "confirm_1".to_owned(),
        },
    )
    .await;

    assert_eq!(fact.parameter("Body"), Some("Confirm"));
    assert_eq!(fact.parameter("ButtonText"), Some("Confirm"));
    assert_eq!(fact.parameter("ButtonPayload"), Some("confirm_1"));
}

#[tokio::test]
async fn a_choice_from_a_list_is_kept_with_what_it_means() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let fact = kept(
        &tenant,
        WhatsappContent::List {
            title: "Tuesday".to_owned(),
            id: "slot_2".to_owned(),
        },
    )
    .await;

    assert_eq!(fact.parameter("ListTitle"), Some("Tuesday"));
    assert_eq!(fact.parameter("ListId"), Some("slot_2"));
}

#[tokio::test]
async fn a_place_is_kept_with_its_coordinates() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let fact = kept(
        &tenant,
        WhatsappContent::Location {
            latitude: 48.208_176,
            longitude: -16.373_819,
            address: Some("Stephansplatz 1".to_owned()),
            label: None,
        },
    )
    .await;

    assert_eq!(fact.parameter("Latitude"), Some("48.208176"));
    assert_eq!(fact.parameter("Longitude"), Some("-16.373819"));
    assert_eq!(fact.parameter("Address"), Some("Stephansplatz 1"));
    assert_eq!(fact.parameter("Body"), None);
}

#[tokio::test]
async fn a_reaction_is_kept_with_the_message_that_it_is_to() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let replied_to = tenant.sender.sids().message(false);
    let mut message = tenant.whatsapp(WhatsappContent::Reaction("👍".to_owned()));
    message.replied_to = Some(RepliedMessage {
        sid: replied_to.clone(),
        sender: format!("whatsapp:{}", tenant.target.whatsapp_sender),
    });

    tenant.receive_whatsapp(&message).await;

    let facts = tenant.facts(Resource::Message(message.sid)).await;
    assert_eq!(facts[0].parameter("MessageType"), Some("reaction"));
    assert_eq!(facts[0].parameter("Body"), Some("👍"));
    assert_eq!(
        facts[0].parameter("OriginalRepliedMessageSid"),
        Some(replied_to.as_str())
    );
}

#[tokio::test]
async fn a_reply_is_kept_with_the_message_that_it_is_to() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let replied_to = tenant.sender.sids().message(false);
    let sender = format!("whatsapp:{}", tenant.target.whatsapp_sender);
    let mut message = tenant.whatsapp(text("Yes, at noon"));
    message.replied_to = Some(RepliedMessage {
        sid: replied_to.clone(),
        sender: sender.clone(),
    });

    tenant.receive_whatsapp(&message).await;

    let facts = tenant.facts(Resource::Message(message.sid)).await;
    assert_eq!(
        facts[0].parameter("OriginalRepliedMessageSid"),
        Some(replied_to.as_str())
    );
    assert_eq!(
        facts[0].parameter("OriginalRepliedMessageSender"),
        Some(sender.as_str())
    );
}

#[tokio::test]
async fn a_message_that_came_through_an_advertisement_is_kept_with_the_advertisement() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let mut message = tenant.whatsapp(text("I saw your offer"));
    message.referral = Some(Referral {
        headline: "Summer sale".to_owned(),
        body: "Write to us".to_owned(),
        source_id: "120211000000000000".to_owned(),
        source_url: "https://fb.me/example".to_owned(),
        click_id: "ARAkLkA8rmlFeiCktEJQ".to_owned(),
        media: None,
    });

    tenant.receive_whatsapp(&message).await;

    let facts = tenant.facts(Resource::Message(message.sid)).await;
    let expected = [
        ("ReferralHeadline", "Summer sale"),
        ("ReferralBody", "Write to us"),
        ("ReferralSourceId", "120211000000000000"),
        ("ReferralSourceUrl", "https://fb.me/example"),
        ("ReferralCtwaClid", "ARAkLkA8rmlFeiCktEJQ"),
    ];
    for (name, value) in expected {
        assert_eq!(facts[0].parameter(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_user_without_a_visible_number_is_a_contact_under_the_id_that_there_is() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Gracias"})).await;
    let user = WhatsappUser::Hidden("ID.4566123".to_owned());
    let message = tenant.whatsapp_from(user, text("Hola"));

    let exchange = tenant.receive_whatsapp(&message).await;

    assert!(answer(&exchange).2.contains(">Gracias</Message>"));
    let stored = tenant.message(&message.sid).await;
    assert_eq!(
        (stored.channel, stored.contact.as_str()),
        (Channel::WhatsApp, "whatsapp:ID.4566123")
    );
}

#[tokio::test]
async fn what_nobody_else_answers_on_whatsapp_is_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Gracias"})).await;
    let button = WhatsappContent::Button {
        text: "Yes".to_owned(),
        payload: "yes_1".to_owned(),
    };
    for (number, content) in [text("HELP"), text("Info"), button].into_iter().enumerate() {
        // Each contact is answered once an hour.
        let user = WhatsappUser::Number(format!("+1500555002{number}"));
        let message = tenant.whatsapp_from(user, content);
        let exchange = tenant.receive_whatsapp(&message).await;

        assert!(answer(&exchange).2.contains(">Gracias</Message>"));
    }
}

#[tokio::test]
async fn a_reaction_is_not_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Gracias"})).await;
    let message = tenant.whatsapp(WhatsappContent::Reaction("👍".to_owned()));

    let exchange = tenant.receive_whatsapp(&message).await;

    assert_eq!(answer(&exchange).2, EMPTY_RESPONSE);
}

#[tokio::test]
async fn an_auto_reply_is_kept_as_a_message_that_went() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Gracias"})).await;
    let exchange = tenant
        .receive_whatsapp(&tenant.whatsapp(text("Hola")))
        .await;

    let reply = tenant.deliver_reply(&exchange).await;

    let stored = tenant.message(&reply).await;
    assert_eq!(
        (stored.channel, stored.direction, stored.status.as_str()),
        (Channel::WhatsApp, Direction::Outbound, "read")
    );
}

#[tokio::test]
async fn a_stop_on_whatsapp_is_kept_and_not_answered() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Gracias"})).await;
    let message = tenant.whatsapp(text("Stop"));

    let exchange = tenant.receive_whatsapp(&message).await;

    assert_eq!(answer(&exchange).2, EMPTY_RESPONSE);
    let stored = tenant.message(&message.sid).await;
    assert_eq!(stored.body.as_deref(), Some("Stop"));
}
