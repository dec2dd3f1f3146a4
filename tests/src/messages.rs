//! SMS, MMS and WhatsApp messages: what comes in, what is answered, what is kept.

use local::twilio::payload::InboundMessage;
use local::twilio::{Purpose, Webhook};
use serde_json::json;

use crate::harness::Harness;

#[tokio::test]
async fn an_inbound_sms_is_kept_and_answered_with_the_tenants_auto_reply() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_reply": "Thank <you>"})).await;
    let sid = tenant.sender.sids().message(false);
    let message = InboundMessage::text(
        tenant.sender.account().sid.clone(),
        sid.clone(),
        "+15005550010",
        &tenant.target.phone_number,
        "Hello",
    );
    let webhook = Webhook::new(
        Purpose::InboundMessage,
        tenant.target.sms_url(),
        message.parameters(),
    );

    let exchange = tenant.sender.deliver(&webhook).await;

    assert_eq!(exchange.status(), Some(200));
    assert!(
        exchange
            .response
            .unwrap()
            .text()
            .contains("<Message>Thank &lt;you&gt;</Message>")
    );
    let stored = tenant
        .console
        .message(&tenant.id, &sid)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.body.as_deref(), Some("Hello"));
    assert_eq!(stored.status.as_str(), "received");
}
