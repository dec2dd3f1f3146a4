//! What follows of knowing a tenant's own numbers: nobody calls or answers himself.

use local::twilio::call::CallOrigin;
use local::twilio::payload::InboundMessage;
use serde_json::json;

use super::ELSEWHERE;
use crate::client_api::onboarding::Newcomer;
use crate::conversations::{answer, dialled};
use crate::harness::Harness;

const DESK: &str = "+12125550100";
const SETTINGS: &str = "/api/settings";

/// A tenant with a number that is pointed here, besides the one of its credentials.
async fn with_desk(harness: &Harness) -> (Newcomer, String) {
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number(DESK);
    let sender = json!({"phone_number": "+12125550199"});
    let patched = newcomer
        .admin
        .patch("/api/integrations/twilio", &sender)
        .await;
    patched.document(200);
    (newcomer, sid)
}

#[tokio::test]
async fn calls_are_not_forwarded_to_a_number_that_leads_here() {
    let harness = Harness::shared().await;
    let (newcomer, sid) = with_desk(harness).await;
    newcomer.connect(&sid).await.document(200);
    let forward = json!({"inbound_route": "forward", "forward_to": DESK});
    let refused = newcomer.admin.patch(SETTINGS, &forward).await;
    assert_eq!(refused.refusal(), (422, "invalid_fields"));
    assert_eq!(refused.faulty_fields(), ["forward_to"]);
    // One that leads elsewhere is somebody else's telephone.
    newcomer.configure(&sid, &[("VoiceUrl", ELSEWHERE)]);
    newcomer.sync().await;
    newcomer.admin.patch(SETTINGS, &forward).await.document(200);
}

#[tokio::test]
async fn a_number_that_calls_are_forwarded_to_is_not_connected() {
    let harness = Harness::shared().await;
    let (newcomer, sid) = with_desk(harness).await;
    let forward = json!({"inbound_route": "forward", "forward_to": DESK});
    newcomer.admin.patch(SETTINGS, &forward).await.document(200);
    let refused = newcomer.connect(&sid).await;
    assert_eq!(refused.refusal(), (422, "invalid_fields"));
    assert_eq!(refused.faulty_fields(), ["phone_number"]);
    assert_eq!(newcomer.number(&sid)["voice_url"], json!(null));
    newcomer
        .admin
        .patch(
            SETTINGS,
            &json!({"forward_to": null, "inbound_route": null}),
        )
        .await
        .document(200);
    newcomer.connect(&sid).await.document(200);
}

#[tokio::test]
async fn a_number_that_somebody_pointed_here_at_twilio_is_warned_of_and_not_dialled() {
    let harness = Harness::shared().await;
    let (newcomer, sid) = with_desk(harness).await;
    let forward = json!({"inbound_route": "forward", "forward_to": DESK, "voicemail": false});
    newcomer.admin.patch(SETTINGS, &forward).await.document(200);
    let target = newcomer.tenant(harness).target;
    newcomer.configure(
        &sid,
        &[
            ("VoiceUrl", &target.voice_url()),
            ("SmsUrl", &target.sms_url()),
        ],
    );
    newcomer.sync().await;
    let number = newcomer.numbers().await.remove(0);
    assert_eq!(number["connected"], true);
    let warning = number["warnings"][0].as_str().unwrap();
    assert!(warning.contains("forward_to"), "{warning}");

    let tenant = newcomer.tenant(harness);
    let mut script = tenant.phone_call();
    script.origin = CallOrigin::Phone {
        from: "+15005550010".to_owned(),
        to: "+12125550199".to_owned(),
    };
    let story = tenant.make(&script).await;
    assert_eq!(dialled(&story), []);
}

#[tokio::test]
async fn a_browser_may_not_call_a_number_that_leads_here() {
    let harness = Harness::shared().await;
    let (newcomer, sid) = with_desk(harness).await;
    newcomer.connect(&sid).await.document(200);
    let tenant = newcomer.tenant(harness);
    let story = tenant.make(&tenant.browser_call("alice", DESK)).await;
    assert_eq!(story.said(), ["You cannot call your own number. Goodbye."]);
    assert_eq!(dialled(&story), []);
}

#[tokio::test]
async fn a_tenant_does_not_answer_a_number_of_its_own_account() {
    let harness = Harness::shared().await;
    let (newcomer, _) = with_desk(harness).await;
    let reply = json!({"auto_reply": "We are closed"});
    newcomer.admin.patch(SETTINGS, &reply).await.document(200);
    newcomer.sync().await;
    let tenant = newcomer.tenant(harness);
    for (from, is_answered) in [("+15005550010", true), (DESK, false)] {
        let message = InboundMessage {
            from: from.to_owned(),
            ..tenant.sms("Hello")
        };
        let exchange = tenant.receive_sms(&message).await;
        let (_, _, document) = answer(&exchange);
        assert_eq!(document.contains("We are closed"), is_answered, "{from}");
    }
}
