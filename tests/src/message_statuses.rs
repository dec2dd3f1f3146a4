//! What becomes of sent messages: their status callbacks, in and out of order.

use local::twilio::payload::{Channel, MessageStatusCallback};
use serde_json::json;
use shared::activity::{Direction, Resource};
use shared::sid::MessageSid;

use crate::conversations::{CONTACT, answer};
use crate::harness::{Harness, Tenant};

/// Delivers statuses of a new message in this order, and gives its SID.
async fn after(tenant: &Tenant, channel: Channel, statuses: &[&str]) -> MessageSid {
    let sid = tenant.sender.sids().message(false);
    for status in statuses {
        let callback = tenant.status(channel, &sid, status);
        let exchange = tenant.receive_status(&callback).await;
        assert_eq!(answer(&exchange), (204, None, String::new()), "{status}");
    }
    sid
}

#[tokio::test]
async fn a_status_is_acknowledged_with_204_and_nothing_else() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    for channel in [Channel::Sms, Channel::Whatsapp] {
        let sid = tenant.sender.sids().message(false);
        let callback = tenant.status(channel, &sid, "sent");

        let exchange = tenant.receive_status(&callback).await;

        assert_eq!(answer(&exchange), (204, None, String::new()));
    }
}

#[tokio::test]
async fn a_message_of_which_only_statuses_came_is_one_that_went() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let sid = after(&tenant, Channel::Sms, &["sent", "delivered"]).await;

    let stored = tenant.message(&sid).await;
    assert_eq!(
        (stored.direction, stored.status.as_str()),
        (Direction::Outbound, "delivered")
    );
    assert_eq!(
        (stored.from.as_str(), stored.contact.as_str()),
        (tenant.target.phone_number.as_str(), CONTACT)
    );
    assert_eq!((stored.body, stored.error_code), (None, None));
}

#[tokio::test]
async fn a_status_that_comes_late_does_not_take_a_message_back() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let sid = after(&tenant, Channel::Sms, &["delivered", "sent", "queued"]).await;

    assert_eq!(tenant.message(&sid).await.status.as_str(), "delivered");
}

#[tokio::test]
async fn late_statuses_are_kept_in_the_history() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let sid = after(&tenant, Channel::Sms, &["delivered", "sent"]).await;

    let facts = tenant.facts(Resource::Message(sid)).await;
    let mut statuses: Vec<_> = facts
        .iter()
        .filter_map(|fact| fact.parameter("MessageStatus"))
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["delivered", "sent"]);
}

#[tokio::test]
async fn a_whatsapp_message_that_is_read_before_it_is_delivered_stays_read() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let sid = after(&tenant, Channel::Whatsapp, &["sent", "read", "delivered"]).await;

    let stored = tenant.message(&sid).await;
    assert_eq!(stored.status.as_str(), "read");
    assert_eq!(stored.contact, format!("whatsapp:{CONTACT}"));
}

#[tokio::test]
async fn a_63016_that_comes_after_sent_makes_the_message_failed() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let sid = after(&tenant, Channel::Whatsapp, &["queued", "sent"]).await;
    let failed = MessageStatusCallback::outside_window(
        tenant.sender.account().sid.clone(),
        sid.clone(),
        &tenant.target.whatsapp_sender,
        CONTACT,
    );

    tenant.receive_status(&failed).await;

    let stored = tenant.message(&sid).await;
    assert_eq!(
        (stored.status.as_str(), stored.error_code),
        ("failed", Some(63_016))
    );
}

#[tokio::test]
async fn an_undelivered_sms_is_kept_with_twilios_error_code() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let sid = after(&tenant, Channel::Sms, &["sent"]).await;
    let undelivered = tenant
        .status(Channel::Sms, &sid, "undelivered")
        .with_error(30_003, "Unreachable destination handset");

    tenant.receive_status(&undelivered).await;

    let stored = tenant.message(&sid).await;
    assert_eq!(
        (stored.status.as_str(), stored.error_code),
        ("undelivered", Some(30_003))
    );
    assert_eq!(
        stored.error_message.as_deref(),
        Some("Unreachable destination handset")
    );
}

#[tokio::test]
async fn a_status_that_is_not_known_is_acknowledged_and_kept() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let sid = after(&tenant, Channel::Sms, &["teleported"]).await;

    assert_eq!(tenant.message(&sid).await.status.as_str(), "teleported");
}

#[tokio::test]
async fn a_status_that_is_not_known_does_not_replace_one_that_is() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let sid = after(&tenant, Channel::Sms, &["sent", "teleported"]).await;

    assert_eq!(tenant.message(&sid).await.status.as_str(), "sent");
}
